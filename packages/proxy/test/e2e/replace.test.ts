import { renameSync, writeFileSync } from "node:fs";
import { isLeft } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { bind } from "../../src/control/sockets.ts";
import { call, Wire } from "./client.ts";
import { anywhere, configured, Folder, says, through } from "./configured.ts";
import { Arrivals, held, type Held } from "./origin.ts";
import { Pagoda, successorOf } from "./program.ts";

const config = (body: string): object => ({
  clusters: {},
  listeners: [{ ...anywhere, name: "main", routes: [says(body)] }],
});

/** Clients that repeat calls, each on a new connection. */
class Clients {
  readonly bodies = new Map<string, number>();
  readonly failures: string[] = [];
  #isOver = false;
  readonly #all: Promise<unknown>;
  #answered: (() => void) | undefined;

  constructor(url: string, count: number) {
    this.#all = Promise.all(Array.from({ length: count }, () => this.#one(url)));
  }

  /** Settles once that many have received this. */
  async got(body: string, count: number): Promise<void> {
    while ((this.bodies.get(body) ?? 0) < count)
      await new Promise<void>((resolve) => (this.#answered = resolve));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#all;
  }

  async #one(url: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const { body } = await call(url, { agent: false });
        this.bodies.set(body, (this.bodies.get(body) ?? 0) + 1);
      } catch (error) {
        this.failures.push((error as NodeJS.ErrnoException).code ?? String(error));
      }
      this.#answered?.();
    }
  }
}

describe("replacing the process (SIGUSR2)", () => {
  test.each(["1", "2"])("loses no connection, with %s workers", async (workers) => {
    using folder = new Folder();
    await using pagoda = await configured(folder, config("before"), { PROXY_WORKERS: workers });
    using _successor = successorOf(pagoda);
    const clients = new Clients(pagoda.url, 16);
    await clients.got("before", 100);
    // The file is watched: the new process starts with its contents, whichever process sees it
    // first.
    writeFileSync(folder.file("next"), JSON.stringify(config("after")));
    renameSync(folder.file("next"), folder.file("pagoda.yaml"));
    pagoda.kill("SIGUSR2");
    const { replacedBy } = await pagoda.log("draining");
    await pagoda.log("drained");
    expect(replacedBy).not.toBe(pagoda.pid);
    await clients.got("after", 100);
    await clients.end();
    expect(clients.failures).toEqual([]);
    // The new process serves, with the same admin address, and ends as this one would.
    expect((await pagoda.admin("/ready")).status).toBe(200);
    process.kill(replacedBy as number, "SIGTERM");
    await pagoda.exit;
    expect(pagoda.logs.filter(({ msg }) => msg === "drained").map(({ pid }) => pid)).toEqual([
      pagoda.pid,
      replacedBy,
    ]);
  });

  test("lets the old process finish its requests", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }));
    using _successor = successorOf(pagoda);
    using wire = new Wire(pagoda.url);
    wire.send("GET /old HTTP/1.1\r\nhost: a\r\n\r\n");
    const { response } = await arrivals.next();
    pagoda.kill("SIGUSR2");
    const { replacedBy } = await pagoda.log("draining");
    const answer = call(`${pagoda.url}/new`, { agent: false });
    (await arrivals.next()).response.end("new");
    expect((await answer).body).toBe("new");
    response.end("old");
    await wire.receives("old");
    await pagoda.log("drained");
    process.kill(replacedBy as number, "SIGTERM");
    await pagoda.exit;
  });

  test("fails if the new process cannot serve, and the old one continues", async () => {
    using folder = new Folder();
    await using pagoda = await configured(folder, config("before"));
    using _successor = successorOf(pagoda);
    folder.write("pagoda.yaml", "listeners: none");
    pagoda.kill("SIGUSR2");
    expect(await pagoda.log("replacement failed")).toMatchObject({
      level: 50,
      reason: "it ended with exit code 2",
    });
    expect((await call(pagoda.url)).body).toBe("before");
    pagoda.kill("SIGTERM");
    expect(await pagoda.exit).toEqual({ code: 0, signal: null });
  });
});

describe("sockets of a service manager (systemd),", () => {
  test.each(["1", "2"])("with %s workers, keep connections across a restart", async (workers) => {
    const bound = await bind({ host: "127.0.0.1", port: 0 }, { shared: false });
    if (isLeft(bound)) throw bound.left.cause;
    const { socket, port } = bound.right;
    using _closed = { [Symbol.dispose]: () => socket.close() };
    using folder = new Folder();
    const at = (body: string): string =>
      folder.write("pagoda.yaml", {
        clusters: {},
        listeners: [{ address: `127.0.0.1:${port}`, name: "main", routes: [says(body)] }],
      });
    const env = { PROXY_CONFIG: at("before"), PROXY_LISTEN_ADDR: "", PROXY_WORKERS: workers };
    await using first = await Pagoda.start(env, [fdOf(socket)]);
    const clients = new Clients(first.url, 16);
    await clients.got("before", 100);
    first.kill("SIGTERM");
    expect(await first.exit).toEqual({ code: 0, signal: null });
    at("after");
    await using second = await Pagoda.start(env, [fdOf(socket)]);
    await clients.got("after", 100);
    await clients.end();
    expect(clients.failures).toEqual([]);
    second.kill("SIGTERM");
    expect(await second.exit).toEqual({ code: 0, signal: null });
  });

  test("if they match no listener, are logged", async () => {
    const bound = await bind({ host: "127.0.0.1", port: 0 }, { shared: false });
    if (isLeft(bound)) throw bound.left.cause;
    const { socket, port } = bound.right;
    using _closed = { [Symbol.dispose]: () => socket.close() };
    await using pagoda = await Pagoda.start({}, [fdOf(socket)]);
    expect(await pagoda.log("matches no listener")).toMatchObject({ level: 40, socket: `127.0.0.1:${port}` });
  });
});

function fdOf(socket: object): number {
  return (socket as { readonly fd: number }).fd;
}
