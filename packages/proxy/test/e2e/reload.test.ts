import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { call, keepAlive } from "./client.ts";
import { anywhere, configured, Folder, says, through } from "./configured.ts";
import { listen, origin } from "./origin.ts";
import { type Pagoda, Program, until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";

const answering = (body: string): object => ({
  listeners: [{ ...anywhere, name: "main", routes: [says(body)] }],
});

/** What an operator is told. */
async function post(
  pagoda: Pagoda,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(pagoda.adminUrl + path, { method: "POST" });
  return { status: response.status, text: await response.text() };
}

describe("a changed configuration takes effect", () => {
  test.each([
    ["when the file is replaced", async () => {}],
    ["on SIGHUP", async (pagoda: Pagoda) => pagoda.kill("SIGHUP")],
    [
      "on POST /reload",
      async (pagoda: Pagoda) =>
        expect(await post(pagoda, "/reload")).toEqual({ status: 200, text: "reloaded\n" }),
    ],
  ])("%s, also on open connections", async (_name, tell) => {
    using folder = new Folder();
    await using pagoda = await configured(folder, { clusters: {}, ...answering("before") });
    using agent = keepAlive(1);
    const ask = async () => (await call(pagoda.url, { agent })).body;
    expect(await ask()).toBe("before");
    folder.write("pagoda.yaml", { clusters: {}, ...answering("after") });
    await tell(pagoda);
    await pagoda.log("configuration applied");
    expect(await ask()).toBe("after");
    expect(await pagoda.metric("connections_total", { state: "accepted" })).toBe(1);
    expect(await pagoda.metric("pagoda_reloads_total", { result: "success" })).toBeGreaterThan(0);
  });

  test("in several workers at once", async () => {
    using folder = new Folder();
    const env = { PROXY_WORKERS: "2" };
    await using pagoda = await configured(folder, { clusters: {}, ...answering("before") }, env);
    folder.write("pagoda.yaml", { clusters: {}, ...answering("after") });
    expect((await post(pagoda, "/reload")).status).toBe(200);
    const bodies = await Promise.all(
      Array.from({ length: 20 }, async () => (await call(pagoda.url, { agent: false })).body),
    );
    expect(new Set(bodies)).toEqual(new Set(["after"]));
  });
});

describe("an invalid configuration changes nothing", () => {
  test("and every problem is returned to the caller and logged with its place", async () => {
    using folder = new Folder();
    await using pagoda = await configured(folder, { clusters: {}, ...answering("before") });
    const file = folder.write(
      "pagoda.yaml",
      "listeners:\n  - address: nowhere\n    routes:\n      - name: all\n        clustr: shop\nclusters: {}\n",
    );
    const { status, text } = await post(pagoda, "/reload");
    expect(status).toBe(422);
    expect(text).toMatch(`${file}:2:14: listeners[0].address: must be HOST:PORT`);
    expect(text).toContain(
      `${file}:5:9: listeners[0].routes[0].clustr: unknown field; did you mean cluster?`,
    );
    const { problems } = await pagoda.log("configuration rejected");
    expect((problems as string[]).join("\n")).toBe(text.trimEnd());
    expect((await call(pagoda.url)).body).toBe("before");
    expect(await pagoda.metric("pagoda_reloads_total", { result: "failure" })).toBeGreaterThan(0);
    expect(await pagoda.metric("pagoda_config_last_reload_successful")).toBe(0);
  });

  test.each<[string, string | Buffer, string]>([
    ["an alias that refers to itself", "log: &a { level: *a }\n", "1:18: alias *a refers to itself"],
    ["endless lists", `listeners: ${"[".repeat(1_000_000)}`, "1:113: must be nested at most 100 levels deep"],
    [
      "endless maps",
      Array.from({ length: 2_000 }, (_, n) => `${" ".repeat(n)}a:`).join("\n"),
      "nested at most 100 levels",
    ],
    [
      "aliases of aliases of aliases",
      Array.from({ length: 26 }, (_, n) => `${n}: &a${n} [${n === 0 ? 1 : `*a${n - 1}, *a${n - 1}`}]\n`).join(
        "",
      ),
      "aliases must stand for at most",
    ],
    ["a file of 40 MiB", " ".repeat(40 * 1_024 ** 2), "cannot be read: EFBIG"],
    ["binary data", Buffer.from([0, 255, 254, 0x7b, 0x80, 0x3a]), ":1:"],
  ])("and keeps the program running: %s", async (_, content, expected) => {
    using folder = new Folder();
    await using pagoda = await configured(folder, { clusters: {}, ...answering("before") });
    writeFileSync(folder.file("pagoda.yaml"), content);
    const { status, text } = await post(pagoda, "/reload");
    expect([status, text]).toEqual([422, expect.stringContaining(expected)]);
    expect(text).not.toMatch(/call stack|\n\s+at /);
    expect((await call(pagoda.url)).body).toBe("before");
    const check = new Program({ PROXY_CONFIG: folder.file("pagoda.yaml") }, ["check"]);
    expect([(await check.exit).code, check.output]).toEqual([2, expect.stringContaining(expected)]);
  });

  test("and keeps the program running: a pipe without a writer", async () => {
    using folder = new Folder();
    await using pagoda = await configured(folder, { clusters: {}, ...answering("before") });
    rmSync(folder.file("pagoda.yaml"));
    execFileSync("mkfifo", [folder.file("pagoda.yaml")]);
    const { status, text } = await post(pagoda, "/reload");
    expect([status, text]).toEqual([422, expect.stringContaining("cannot be read: ETIMEDOUT")]);
    expect((await call(pagoda.url)).body).toBe("before");
  });

  test("in any worker, if its address is in use", async () => {
    await using taken = await listen(createServer());
    using folder = new Folder();
    const config = { clusters: {}, ...answering("before") };
    await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
    const more = { name: "more", address: `127.0.0.1:${taken.port}`, routes: [says("more")] };
    const both = { clusters: {}, listeners: [{ ...anywhere, name: "main", routes: [says("after")] }, more] };
    folder.write("pagoda.yaml", both);
    const { status, text } = await post(pagoda, "/reload");
    expect({ status, text }).toEqual({
      status: 422,
      text: `cannot listen on 127.0.0.1:${taken.port}: EADDRINUSE\n`,
    });
    const bodies = await Promise.all(
      Array.from({ length: 10 }, async () => (await call(pagoda.url, { agent: false })).body),
    );
    expect(new Set(bodies)).toEqual(new Set(["before"]));
  });
});

test("a removed listener finishes its requests, and an added one listens", async () => {
  using folder = new Folder();
  const one = { ...anywhere, name: "one", routes: [says("one")] };
  const two = { ...anywhere, name: "two", routes: [says("two")] };
  await using pagoda = await configured(folder, { clusters: {}, listeners: [one] });
  folder.write("pagoda.yaml", { clusters: {}, listeners: [two] });
  expect((await post(pagoda, "/reload")).status).toBe(200);
  await until(
    () =>
      call(pagoda.url).then(
        () => "open",
        ({ code }: NodeJS.ErrnoException) => code,
      ),
    (state) => state === "ECONNREFUSED",
  );
});

test("the admin endpoint moves once the new address listens, and healthcheck finds it", async () => {
  using folder = new Folder();
  const at = (port: number): object => ({ ...answering("yes"), admin: { address: `127.0.0.1:${port}` } });
  const [one, two] = [await quietPort(), await quietPort()];
  await using pagoda = await configured(folder, at(one), { PROXY_METRICS_ADDR: "" });
  const file = folder.file("pagoda.yaml");
  const healthy = async (): Promise<number | null> => {
    await using checking = new Program({ PROXY_METRICS_ADDR: "" }, ["healthcheck", "-c", file]);
    return (await checking.exit).code;
  };
  await using taken = await listen(createServer());
  folder.write("pagoda.yaml", at(taken.port));
  const text = `cannot listen on 127.0.0.1:${taken.port}: EADDRINUSE\n`;
  expect(await post(pagoda, "/reload")).toEqual({ status: 422, text });
  expect(await pagoda.admin("/ready")).toMatchObject({ status: 200 });
  folder.write("pagoda.yaml", at(two));
  expect(await post(pagoda, "/reload")).toEqual({ status: 200, text: "reloaded\n" });
  expect((await call(`http://127.0.0.1:${two}/ready`)).status).toBe(200);
  await expect(call(`http://127.0.0.1:${one}/ready`, { agent: false })).rejects.toThrow("ECONNREFUSED");
  expect(await healthy()).toBe(0);
  // An invalid file must not make the running program unhealthy.
  for (const text of ["listeners: soon", "listeners: [", "listeners: []\nlisteners: []"]) {
    folder.write("pagoda.yaml", `admin: { address: 127.0.0.1:${two} }\n${text}\n`);
    expect(await healthy()).toBe(0);
  }
});

test("named state survives: an open breaker stays open and its endpoint gets no calls", async () => {
  let calls = 0;
  await using upstream = await origin((_message, out) => {
    calls++;
    out.writeHead(500).end();
  });
  using folder = new Folder();
  const cluster = {
    endpoints: [upstream.url],
    policies: { circuitBreaker: { failures: 3, open: "1h", maxOpen: "1h" } },
  };
  await using pagoda = await configured(folder, through(cluster));
  for (let at = 0; at < 3; at++) expect((await call(pagoda.url)).status).toBe(500);
  expect((await call(pagoda.url)).status).toBe(503);
  folder.write("pagoda.yaml", through(cluster, { maxConnections: 77 }));
  expect((await post(pagoda, "/reload")).status).toBe(200);
  expect((await call(pagoda.url)).status).toBe(503);
  expect(calls).toBe(3);
});

/** A client that asks again and again over one connection. */
function asking(
  url: string,
  isOver: () => boolean,
): { readonly done: Promise<void>; readonly failures: string[]; readonly count: () => number } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const failures: string[] = [];
  let count = 0;
  let sockets = 0;
  const once = () =>
    new Promise<void>((resolve) => {
      const ask = request(url, { agent });
      ask.once("socket", (socket) => {
        if (ask.reusedSocket) return;
        if (++sockets > 1) failures.push("the connection was closed");
        socket.setMaxListeners(0);
      });
      ask.once("error", (error) => {
        failures.push(error.message);
        resolve();
      });
      ask.once("response", (response) => {
        if (response.statusCode !== 200) failures.push(`status ${response.statusCode}`);
        response.resume().once("close", () => {
          count++;
          resolve();
        });
      });
      ask.end();
    });
  const done = (async () => {
    while (!isOver()) await once();
    agent.destroy();
  })();
  return { done, failures, count: () => count };
}

test("50 reloads under 64 busy connections fail no request, close no connection, leak no memory", async () => {
  await using upstream = await origin((_message, out) => out.end("yes"));
  using folder = new Folder();
  const config = (at: number): object =>
    through(
      { endpoints: [upstream.url] },
      {},
      { timeout: `${10_000 + at}ms`, retry: { attempts: 2 + (at % 2) } },
    );
  await using pagoda = await configured(folder, config(0), { PROXY_WORKERS: "2" });
  let isOver = false;
  const clients = Array.from({ length: 64 }, () => asking(pagoda.url, () => isOver));
  const reload = async (at: number): Promise<void> => {
    folder.write("pagoda.yaml", config(at));
    expect(await post(pagoda, "/reload")).toEqual({ status: 200, text: "reloaded\n" });
  };
  const memory = async () => (await pagoda.metric("process_resident_memory_bytes")) / 2 ** 20;
  let at = 0;
  const reloads = async (count: number): Promise<number> => {
    const before = await memory();
    for (let n = 0; n < count; n++) await reload(++at);
    return (await memory()) - before;
  };
  // What the program needs to be warm, and to have been under this load.
  await reloads(20);
  // A heap that settles grows once; a leak grows every time.
  let grownMiB = Infinity;
  for (let round = 0; round < 3 && grownMiB >= 32; round++) grownMiB = await reloads(50);
  isOver = true;
  await Promise.all(clients.map(({ done }) => done));
  expect(clients.flatMap(({ failures }) => failures)).toEqual([]);
  expect(clients.every(({ count }) => count() > 10)).toBe(true);
  expect(grownMiB).toBeLessThan(32);
  const { text } = await pagoda.admin("/stack");
  expect(text).toContain(`"ms":${10_000 + at}`);
  expect(text).not.toContain(`"ms":${10_000 + at - 1}`);
});
