import { once } from "node:events";
import { spawn } from "node:child_process";
import type { ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { client } from "@pagoda/client";
import { isRight, right } from "@pagoda/core";
import { undici } from "@pagoda/undici";
import { Agent } from "undici";
import { expect, onTestFinished, test } from "vitest";
import { startOrigin } from "./given.ts";

test("calls one after the other share a connection", async () => {
  const origin = await startOrigin((_, response) => response.end("ok"));
  const api = client({ baseUrl: origin.url });
  onTestFinished(() => api.close());
  for (let n = 0; n < 5; n++) expect(await api.get("/").text()).toEqual(right("ok"));
  expect(origin.opened()).toBe(1);
});

test("each host has its own connections, and is closed when it has been idle for long", async () => {
  const [one, two] = [await startOrigin((_, r) => r.end("1")), await startOrigin((_, r) => r.end("2"))];
  const api = client({ perHost: { idleMs: 20 } });
  onTestFinished(() => api.close());
  expect(await api.get(one.url).text()).toEqual(right("1"));
  expect(await api.get(two.url).text()).toEqual(right("2"));
  expect([one.opened(), two.opened()]).toEqual([1, 1]);
  for (const { open } of [one, two]) await Promise.all(Array.from(open, (socket) => once(socket, "close")));
  expect([one.open.size, two.open.size]).toEqual([0, 0]);
  expect(await api.get(one.url).text()).toEqual(right("1"));
  expect(one.opened()).toBe(2);
});

test("a host that is dropped for another one is closed", async () => {
  const [one, two] = [await startOrigin((_, r) => r.end("1")), await startOrigin((_, r) => r.end("2"))];
  const api = client({ perHost: { maxHosts: 1 } });
  onTestFinished(() => api.close());
  await api.get(one.url).text();
  const [socket] = [...one.open];
  const closed = socket && once(socket, "close");
  expect(await api.get(two.url).text()).toEqual(right("2"));
  await closed;
  expect(one.open.size).toBe(0);
});

test("no more than the limit of a host is sent at once", async () => {
  const held: ServerResponse[] = [];
  const origin = await startOrigin((_, response) => {
    held.push(response);
    if (held.length === 3) for (const each of held.splice(0)) each.end("ok");
  });
  const api = client({ baseUrl: origin.url, concurrency: { limit: 3 } });
  onTestFinished(() => api.close());
  const results = await Promise.all(Array.from({ length: 9 }, () => api.get("/").text()));
  expect(results).toEqual(Array.from({ length: 9 }, () => right("ok")));
  expect(origin.opened()).toBe(3);
});

test("closing lets calls in flight finish, then closes the connections", async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  const origin = await startOrigin((_, response) => asked.resolve(response));
  const api = client({ baseUrl: origin.url });
  const call = api.get("/").text();
  const response = await asked.promise;
  const closing = api.close();
  expect(await api.get("/")).toMatchObject({ left: { _tag: "ClientClosed" } });
  const [socket] = [...origin.open];
  const closed = socket && once(socket, "close");
  response.end("late");
  expect(await call).toEqual(right("late"));
  await closing;
  await closed;
});

test("a broken response is replaced by that of another attempt", async () => {
  let asked = 0;
  const origin = await startOrigin((request, response) => {
    response.setHeader("content-length", 4);
    if (++asked > 1) return response.end("last");
    response.write("fi");
    return setImmediate(() => request.socket.destroy());
  });
  const api = client({ baseUrl: origin.url });
  onTestFinished(() => api.close());
  expect(await api.get("/").text()).toEqual(right("last"));
  expect(asked).toBe(2);
});

test("a refused connection is retried for any method, and is ConnectFailed", async () => {
  const origin = await startOrigin((_, response) => response.end());
  const api = client({ baseUrl: "http://127.0.0.1:1" });
  onTestFinished(() => api.close());
  const result = await api.post("/", { json: 1 });
  expect(result).toMatchObject({ left: { _tag: "ConnectFailed", code: "ECONNREFUSED" } });
  expect(origin.opened()).toBe(0);
});

test("an abort closes the connection of the call", async () => {
  const closed = Promise.withResolvers<void>();
  const controller = new AbortController();
  const origin = await startOrigin(({ socket }) => {
    socket.on("close", () => closed.resolve());
    controller.abort();
  });
  const api = client({ baseUrl: origin.url });
  onTestFinished(() => api.close());
  expect(await api.get("/", { signal: controller.signal })).toMatchObject({ left: { _tag: "Aborted" } });
  await closed.promise;
});

test("fetch streams, takes relative URLs and retries", async () => {
  let asked = 0;
  const origin = await startOrigin(({ url }, response) => {
    response.statusCode = ++asked === 1 ? 503 : 404;
    response.write("here is ");
    response.end(url);
  });
  const api = client({ baseUrl: `${origin.url}/v1` });
  onTestFinished(() => api.close());
  const response = await api.fetch("/users");
  expect([response.status, await response.text()]).toEqual([404, "here is /v1/users"]);
  expect(asked).toBe(2);
});

test("idle hosts do not keep a process running", async () => {
  const origin = await startOrigin((_, response) => response.end("done"));
  const program = `
    import { client } from "@pagoda/client";
    const result = await client().orThrow.get(${JSON.stringify(origin.url)}).text();
    process.stdout.write(result);
  `;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill());
  const out = await child.stdout.toArray();
  expect(Buffer.concat(out as Buffer[]).toString()).toBe("done");
  if (child.exitCode === null) await once(child, "exit");
  expect(child.exitCode).toBe(0);
});

test("an error status gives its connection back", async () => {
  const origin = await startOrigin((_, response) => response.writeHead(404).end("no"));
  const api = client({ baseUrl: origin.url });
  onTestFinished(() => api.close());
  expect(isRight(await api.get("/"))).toBe(false);
  expect(isRight(await api.get("/"))).toBe(false);
  expect(origin.opened()).toBe(1);
});

test("hosts can share a dispatcher of undici, which the client leaves open", async () => {
  const [one, two] = [await startOrigin((_, r) => r.end("1")), await startOrigin((_, r) => r.end("2"))];
  const dispatcher = new Agent();
  onTestFinished(() => dispatcher.close());
  const api = client({ perHost: { maxHosts: 1 }, connect: () => undici(dispatcher) });
  expect(await api.get(one.url).text()).toEqual(right("1"));
  expect(await api.get(two.url).text()).toEqual(right("2"));
  expect(await api.get(one.url).text()).toEqual(right("1"));
  expect(one.opened()).toBe(1);
  await api.close();
  expect(one.open.size).toBe(1);
});
