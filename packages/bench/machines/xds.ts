// A control plane: how fast changes of endpoints take effect in all workers.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { AssigningControlPlane } from "@pagoda/xds/testing";

const program = fileURLToPath(new URL("../../proxy/src/main.ts", import.meta.url));
const workers = 2;
const connections = 16;
const changes = 30;

/** The rows of a table: what was measured, and the result. */
export async function xds(): Promise<readonly (readonly [what: string, result: string])[]> {
  const plane = await new AssigningControlPlane().listen();
  const [one, two] = [await origin("one"), await origin("two")];
  try {
    const times = await changesOf(plane, [one.port, two.port]);
    const at = (share: number): string =>
      `${(times[Math.floor((times.length - 1) * share)] as number).toFixed(0)} ms`;
    return [
      [`a change of endpoints is effective in ${workers} workers, p50 of ${changes}`, at(0.5)],
      [`the same, slowest of ${changes}`, at(1)],
    ];
  } finally {
    one.close();
    two.close();
    await plane.kill();
  }
}

/** Milliseconds from each change until calls on all connections go to the new endpoint, sorted. */
async function changesOf(
  plane: AssigningControlPlane,
  ports: readonly [number, number],
): Promise<readonly number[]> {
  plane.assign({ shop: [`127.0.0.1:${ports[0]}`] });
  const pagoda = await proxy(plane.url, { shop: { xds: "shop" } });
  const agents = Array.from({ length: connections }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const url = `${pagoda.url}/shop`;
  const times: number[] = [];
  for (let n = 1; n <= changes; n++) {
    await Promise.all(agents.map((agent) => body(url, agent)));
    const expected = n % 2 === 0 ? "one" : "two";
    const begun = performance.now();
    plane.assign({ shop: [`127.0.0.1:${ports[n % 2]}`] });
    await until(expected, url, agents);
    times.push(performance.now() - begun);
  }
  for (const agent of agents) agent.destroy();
  await pagoda.end();
  return times.toSorted((a, b) => a - b);
}

/** Calls on all connections until each gets this answer. */
async function until(expected: string, url: string, agents: readonly Agent[]): Promise<void> {
  await Promise.all(
    agents.map(async (agent) => {
      while ((await body(url, agent)) !== expected);
    }),
  );
}

async function proxy(server: string, all: Readonly<Record<string, object>>) {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-xds-"));
  const file = join(folder, "pagoda.yaml");
  const routes = Object.keys(all).map((name) => ({ name, match: { path: `/${name}` }, cluster: name }));
  const listeners = [{ name: "main", address: "127.0.0.1:0", routes }];
  const control = { xds: { server, node: { id: "bench" } } };
  const admin = { address: "127.0.0.1:0" };
  writeFileSync(file, JSON.stringify({ workers, admin, listeners, clusters: all, control }));
  const child = spawn(process.execPath, [program, "run", "-c", file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line) as Record<string, string>;
    if (msg?.includes("listening on") !== true) continue;
    child.stdout.resume();
    const end = async (): Promise<void> => {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    };
    return { url: url as string, end };
  }
  throw new Error("pagoda ended");
}

function body(url: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { ...(agent && { agent }) }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
  });
}

async function origin(name: string): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((_, response) => response.end(name)).listen(0, "0.0.0.0");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
