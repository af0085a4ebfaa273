import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settled, virtualClock } from "@pagoda/core/testing";
import { testAuthority } from "@pagoda/http/testing";
import { authoritiesSecret, certificateSecret, SecretAgent } from "@pagoda/xds/testing";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import { missingSecrets, servable } from "../../src/config/secrets.ts";
import { ControlPlanes } from "../../src/control/control-planes.ts";
import { Secrets } from "../../src/control/secrets.ts";
import { resolved } from "../data-plane/resolved.ts";

const authority = testAuthority();

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "secrets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "agent.sock");
}

/** A listener with the secret `web`, one without, and a cluster with the authorities `mesh`. */
function configuration(server: string) {
  const routes = [{ name: "all", cluster: "shop" }];
  return resolved({
    listeners: [
      { name: "secure", address: "127.0.0.1:0", tls: { certificates: [{ secret: "web" }] }, routes },
      { name: "plain", address: "127.0.0.1:0", routes },
    ],
    clusters: {
      shop: { endpoints: ["https://127.0.0.1:1"], tls: { ca: { secret: "mesh" } } },
      open: { endpoints: ["http://127.0.0.1:1"] },
    },
    control: { sds: { server, node: { id: "edge-1" } } },
  });
}

function bench() {
  const clock = virtualClock();
  const lines: { readonly msg: string }[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line) as never) });
  const planes = new ControlPlanes({ log, registry: new Registry(), clock });
  let changes = 0;
  const secrets = new Secrets({ log, clock, planes, changed: () => changes++ });
  onTestFinished(() => secrets.close());
  return { clock, secrets, changes: () => changes, said: () => lines.map(({ msg }) => msg) };
}

test("an agent that accepts connections and says nothing delays the start by 5 s", async () => {
  const path = socketPath();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => {}))).listen(path);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, "listening");
  const { clock, secrets, said } = bench();
  const configured = configuration(`unix://${path}`);
  let isBegun = false;
  void secrets.begin(configured).then(() => (isBegun = true));
  while (sockets.size < 2) await once(server, "connection");
  await clock.advance(4_999);
  expect(isBegun).toBe(false);
  await clock.advance(1);
  // Nothing but the clock has settled it: the connection would be given up after 40 s.
  await settled();
  expect(isBegun).toBe(true);
  secrets.keep(configured);
  expect(secrets.notReady).toBe('listener secure waits for secret "web"');
  expect(said().filter((line) => line.includes("waits"))).toEqual([
    'listener secure waits for secret "web"',
    'cluster shop waits for secret "mesh"',
  ]);
  // Once each.
  secrets.keep(configured);
  expect(said().filter((line) => line.includes("waits"))).toHaveLength(2);
  // Nor does it delay the changes after that.
  await secrets.begin(configured);
});

test("without their secrets, listeners are left out and clusters have no endpoints", async () => {
  await using agent = await new SecretAgent(socketPath()).listen();
  const { secrets, changes } = bench();
  const configured = configuration(agent.url);
  const { listeners, clusters } = servable(configured);
  expect(listeners.map(({ name }) => name)).toEqual(["plain"]);
  expect(clusters["shop"]?.endpoints).toEqual([]);
  expect(clusters["open"]).toBe(configured.config.clusters["open"]);
  agent.serve(certificateSecret("web", authority.issue()), authoritiesSecret("mesh", authority.ca));
  await secrets.begin(configured);
  const complete = secrets.complete(configured);
  expect(missingSecrets(complete)).toEqual([]);
  expect(servable(complete)).toBe(complete.config);
  // Both have come in one turn or two.
  expect(changes()).toBeGreaterThan(0);
});

test("after a change of the agent, the secrets of the previous one are used until the other answers", async () => {
  await using former = await new SecretAgent(socketPath()).listen();
  await using next = new SecretAgent(socketPath());
  const { secrets } = bench();
  const one = authority.issue();
  former.serve(certificateSecret("web", one), authoritiesSecret("mesh", authority.ca));
  await secrets.begin(configuration(former.url));
  const changed = configuration(next.url);
  await secrets.begin(changed);
  secrets.keep(changed);
  expect([...secrets.complete(changed).files.values()]).toContain(one.key);
  expect(secrets.notReady).toBeUndefined();
  expect(secrets.describe().map(({ state }) => (state as { lastError: string }).lastError)).toEqual([
    expect.stringContaining("ENOENT"),
    expect.stringContaining("ENOENT"),
  ]);
});
