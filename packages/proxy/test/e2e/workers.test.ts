import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { describe, expect, test } from "vitest";
import { call, head, Wire } from "./client.ts";
import { anywhere, configured, Folder, says, through } from "./configured.ts";
import { Arrivals, held, type Held, origin } from "./origin.ts";
import { Pagoda, until } from "./program.ts";

const saboteur = new URL("./saboteur.ts", import.meta.url).href;

/** Clients, each with its own connection, which reconnect when it is closed. */
class Load implements Disposable {
  answers = 0;
  failures = 0;
  #isOver = false;

  constructor(url: string, clients: number) {
    for (let at = 0; at < clients; at++) void this.#client(url);
  }

  /** Settles once that many responses have arrived. */
  async until(pagoda: Pagoda, answers: number): Promise<void> {
    await until(
      async () => {
        await pagoda.admin("/health");
        return this.answers;
      },
      (count) => count > answers,
    );
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  async #client(url: string): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#isOver) {
      await new Promise<void>((resolve) => {
        get(url, { agent }, (response) => {
          if (response.statusCode === 200) this.answers++;
          else this.failures++;
          response.resume().once("close", resolve);
        }).once("error", () => {
          this.failures++;
          resolve();
        });
      });
    }
    agent.destroy();
  }
}

/** HTTP/2 sessions with many concurrent uploads, which reconnect when they are closed. */
class Uploads {
  #answers = 0;
  #isOver = false;
  #answered: (() => void) | undefined;

  constructor(url: string, sessions: number) {
    for (let at = 0; at < sessions; at++) void this.#session(url);
  }

  async answered(more: number): Promise<void> {
    const enough = this.#answers + more;
    while (this.#answers < enough) await new Promise<void>((resolve) => (this.#answered = resolve));
  }

  end(): void {
    this.#isOver = true;
  }

  async #session(url: string): Promise<void> {
    while (!this.#isOver) {
      const session = connect(url).on("error", () => {});
      await Promise.all(Array.from({ length: 20 }, () => this.#stream(session)));
      session.destroy();
    }
  }

  async #stream(session: ClientHttp2Session): Promise<void> {
    while (!this.#isOver && !session.destroyed && !session.closed) {
      const stream = session.request({ ":method": "POST" }).on("error", () => {});
      stream.once("response", () => {
        this.#answers++;
        this.#answered?.();
      });
      stream.resume().end(Buffer.alloc(20_000));
      await new Promise((resolve) => stream.once("close", resolve));
    }
  }
}

async function crashing(env: Readonly<Record<string, string>> = {}) {
  const upstream = await origin((_message, out) => out.end("yes"));
  const pagoda = await Pagoda.start({
    PROXY_UPSTREAM_ADDRS: upstream.url,
    PROXY_WORKERS: "2",
    NODE_OPTIONS: `--import ${saboteur}`,
    ...env,
  });
  return {
    pagoda,
    async [Symbol.asyncDispose]() {
      await pagoda[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

describe("a worker that dies under load", () => {
  test.each([
    ["of an uncaught error", "SIGUSR2", "crash", "sabotage", {}],
    [
      "of a full heap",
      "SIGWINCH",
      "memory",
      "out of memory",
      { NODE_OPTIONS: `--import ${saboteur} --max-old-space-size=96` },
    ],
  ] as const)(
    "%s loses only its own requests, and is counted, logged with its cause, and replaced",
    async (_name, signal, reason, cause, env) => {
      await using running = await crashing(env);
      const { pagoda } = running;
      using load = new Load(pagoda.url, 32);
      await load.until(pagoda, 200);
      const counted = await pagoda.metric("http_requests_total");
      const [first = 0] = await pagoda.workers();
      process.kill(first, signal);
      const died = await pagoda.log("worker died");
      expect(died).toMatchObject({ level: 50, worker: 0, reason });
      expect((died["err"] as { readonly message: string }).message).toContain(cause);
      await pagoda.log("worker restarted");
      const after = load.answers;
      await load.until(pagoda, after + 200);
      // Those on it at that time: at most one for each client.
      expect(load.failures).toBeLessThanOrEqual(32);
      expect(await pagoda.metric("pagoda_worker_restarts_total", { reason })).toBe(1);
      expect(await pagoda.admin("/readyz")).toEqual({ status: 200, text: "ready\n" });
      // The dead worker's counters are not lost.
      expect(await pagoda.metric("http_requests_total")).toBeGreaterThan(counted);
    },
  );
});

describe("a worker that dies", () => {
  test("of a native fault during HTTP/2 uploads affects no other worker", async () => {
    await using running = await crashing();
    const { pagoda } = running;
    const uploads = new Uploads(pagoda.url, 4);
    for (const [deaths, signal] of (["SIGUSR2", "SIGSEGV", "SIGABRT"] as const).entries()) {
      await uploads.answered(50);
      const [first = 0] = await pagoda.workers();
      process.kill(first, signal);
      await until(
        () => pagoda.metric("pagoda_worker_restarts_total", { reason: "crash" }),
        (restarts) => restarts === deaths + 1,
      );
    }
    await uploads.answered(50);
    uploads.end();
    const died = pagoda.logs.filter(({ msg }) => msg.includes("worker died"));
    expect(died.map(({ err }) => (err as { readonly message: string }).message)).toEqual([
      "sabotage",
      expect.stringContaining("ended by SIGSEGV"),
      expect.stringContaining("ended by SIGABRT"),
    ]);
    expect((await pagoda.admin("/readyz")).status).toBe(200);
  });

  test("loses no connection that it had not accepted", async () => {
    await using running = await crashing({ PROXY_WORKERS: "1" });
    const { pagoda } = running;
    const [only = 0] = await pagoda.workers();
    process.kill(only, "SIGSTOP");
    const calls = Array.from({ length: 20 }, () => call(pagoda.url, { agent: false }));
    using wire = new Wire(pagoda.url);
    await once(wire.socket, "connect");
    process.kill(only, "SIGKILL");
    const answers = await Promise.all(calls);
    expect(answers.map(({ status }) => status)).toEqual(calls.map(() => 200));
  });
});

test("workers end with the main process, even when it is killed", async () => {
  await using running = await crashing();
  const { pagoda } = running;
  expect(await pagoda.workers()).toHaveLength(2);
  pagoda.kill("SIGKILL");
  // It settles when standard output is closed, by the last of them.
  expect(await pagoda.exit).toEqual({ code: null, signal: "SIGKILL" });
});

test("signals to the whole process group do not end workers before they have drained", async () => {
  const arrivals = new Arrivals<Held>();
  await using upstream = await held(arrivals);
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  const answer = call(pagoda.url);
  const { response } = await arrivals.next();
  const workers = await pagoda.workers();
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const)
    for (const pid of workers) process.kill(pid, signal);
  pagoda.kill("SIGINT");
  await pagoda.log("draining");
  response.end("done");
  expect((await answer).body).toBe("done");
  expect(await pagoda.exit).toEqual({ code: 0, signal: null });
});

test("workers have the operator's Node options behind the proxy's own, so that they count", async () => {
  await using pagoda = await Pagoda.start({ NODE_OPTIONS: "--max-semi-space-size=8" });
  const [worker] = await pagoda.workers();
  const variables = readFileSync(`/proc/${worker}/environ`, "utf8").split("\0");
  expect(variables).toContain("NODE_OPTIONS=--max-semi-space-size=32 --max-semi-space-size=8");
});

describe("several workers", () => {
  test("serve on one port, share one admin endpoint, and drain together", async () => {
    await using upstream = await origin((_message, out) => out.end("yes"));
    await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url, PROXY_WORKERS: "2" });
    for (let at = 0; at < 40; at++) expect((await call(pagoda.url, { agent: false })).body).toBe("yes");
    expect(await pagoda.metric("http_requests_total", { status: "200" })).toBe(40);
    expect(await pagoda.metric("connections_total", { state: "accepted" })).toBe(40);
    const { text } = await pagoda.admin("/stack");
    const stack = JSON.parse(text) as {
      readonly inner: readonly { readonly name: string; readonly options: object }[];
    };
    expect(stack.inner).toMatchObject([
      { name: "worker", options: { worker: 0 } },
      { name: "worker", options: { worker: 1 } },
    ]);
    pagoda.kill("SIGTERM");
    expect(await pagoda.exit).toEqual({ code: 0, signal: null });
  });

  test("share the connections", async () => {
    using folder = new Folder();
    const log = { access: true, accessRatio: 1 };
    const config = { clusters: {}, log, listeners: [{ ...anywhere, name: "main", routes: [says("yes")] }] };
    await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
    for (let at = 0; at < 64; at++) await call(pagoda.url, { agent: false });
    pagoda.kill("SIGTERM");
    await pagoda.exit;
    const lines = pagoda.logs.filter(({ msg }) => msg === "GET / 200");
    expect(lines).toHaveLength(64);
    // The chance that all go to one of them is 1 in 2^63.
    expect(new Set(lines.map(({ worker }) => worker))).toEqual(new Set([0, 1]));
  });
});

describe("an operator", () => {
  const secret = {
    match: { path: "/", headers: [{ name: "x-internal", exact: "hunter2" }] },
    requestHeaders: { set: { authorization: "Bearer hunter2", "x-origin-verify": "hunter2" } },
  };

  test("sees the configuration without secrets, and the clusters with each endpoint", async () => {
    await using upstream = await origin((_message, out) => out.end("yes"));
    using folder = new Folder();
    const routes = [{ name: "all", cluster: "origin", ...secret }];
    const config = through({ endpoints: [upstream.url], balance: "peak-ewma" }, { routes });
    await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
    await call(pagoda.url, { headers: { "x-internal": "hunter2" } });
    const { text } = await pagoda.admin("/config");
    expect(JSON.parse(text)).toMatchObject({
      listeners: [
        {
          routes: [
            {
              match: { path: "/", headers: [{ name: "x-internal", exact: "(not shown)" }] },
              requestHeaders: { set: { authorization: "(not shown)", "x-origin-verify": "(not shown)" } },
            },
          ],
        },
      ],
    });
    for (const page of ["/config", "/stack", "/clusters", "/metrics"])
      expect([page, (await pagoda.admin(page)).text.includes("hunter2")]).toEqual([page, false]);
    expect(JSON.parse((await pagoda.admin("/clusters")).text)).toMatchObject([
      {
        cluster: "origin",
        strategy: "peak-ewma",
        endpoints: [{ endpoint: upstream.url, healthy: true, inFlight: 0, latencyMs: expect.any(Number) }],
      },
    ]);
  });

  test("changes the log level of all workers until the configuration changes it", async () => {
    await using pagoda = await Pagoda.start({ PROXY_WORKERS: "2" });
    expect(await pagoda.admin("/log-level")).toEqual({ status: 200, text: "info\n" });
    const post = (path: string) => fetch(pagoda.adminUrl + path, { method: "POST" });
    expect((await post("/log-level?level=loud")).status).toBe(400);
    expect((await post("/log-level?level=debug")).status).toBe(200);
    expect((await pagoda.admin("/log-level")).text).toBe("debug\n");
    for (let at = 0; at < 20; at++)
      await call(pagoda.url, { headers: { host: "a b" } }).catch(() => undefined);
    expect(await pagoda.log("request refused")).toMatchObject({ level: 20, status: 400 });
  });

  test("drains the proxy with POST /drain", async () => {
    await using pagoda = await Pagoda.start();
    const response = await fetch(`${pagoda.adminUrl}/drain`, { method: "POST" });
    expect([response.status, await response.text()]).toEqual([202, "draining\n"]);
    expect(await pagoda.exit).toEqual({ code: 0, signal: null });
  });

  test("is protected from web pages: foreign hosts and other origins are refused", async () => {
    await using pagoda = await Pagoda.start();
    const { port } = new URL(pagoda.adminUrl);
    for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example"])
      expect((await call(`${pagoda.adminUrl}/config`, { headers: { host } })).status).toBe(421);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, "[::1]", "10.1.2.3:9090"])
      expect((await call(`${pagoda.adminUrl}/config`, { headers: { host } })).status).toBe(200);
    const headers = { origin: "http://evil.example" };
    expect((await call(`${pagoda.adminUrl}/drain`, { method: "POST", headers })).status).toBe(403);
    expect((await pagoda.admin("/ready")).status).toBe(200);
  });

  test("other origins load nothing, but link to its pages", async () => {
    await using pagoda = await Pagoda.start();
    const statusOf = async (path: string, headers: Readonly<Record<string, string>>): Promise<number> => {
      const message = await head(pagoda.adminUrl + path, { headers });
      message.destroy();
      return message.statusCode as number;
    };
    const foreign = [
      { origin: "http://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" },
      { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script" },
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
      { "sec-fetch-site": "cross-site" },
    ];
    for (const path of ["/", "/live", "/tap", "/config", "/metrics"])
      for (const headers of foreign)
        expect({ path, headers, status: await statusOf(path, headers) }).toEqual({
          path,
          headers,
          status: 403,
        });
    const link = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    const own = { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" };
    expect(await statusOf("/clusters", link)).toBe(200);
    expect(await statusOf("/live", own)).toBe(200);
  });
});
