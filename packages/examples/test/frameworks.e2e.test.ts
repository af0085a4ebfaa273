import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { serve as serveHono } from "@hono/node-server";
import { right, service, type Service } from "@pagoda/core";
import {
  bodyBroken,
  bodyFrom,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  json,
  PushBody,
} from "@pagoda/http";
import { serviceConformance } from "@pagoda/http/testing";
import { toNode } from "@pagoda/node";
import { transport } from "@pagoda/transport";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { expressApp } from "../src/express.ts";
import { fastifyApp } from "../src/fastify.ts";
import { honoApp } from "../src/hono.ts";
import { koaApp } from "../src/koa.ts";

type Stack = Service<HttpRequest, HttpResponse>;

interface Running {
  readonly url: string;
  close(): Promise<void>;
}

interface Framework {
  readonly name: string;
  readonly start: (stack: Stack) => Promise<Running>;
  /** The path that the stack sees for `/api/lamp`. */
  readonly path: string;
}

async function running(server: Server): Promise<Running> {
  if (!server.listening) await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const frameworks: readonly Framework[] = [
  { name: "Node", path: "/api/lamp", start: (stack) => running(createServer(toNode(stack))) },
  {
    name: "Express",
    path: "/lamp",
    start: (stack) => running(createServer(expressApp(stack) as RequestListener)),
  },
  {
    name: "Fastify",
    path: "/api/lamp",
    async start(stack) {
      const app = fastifyApp(stack);
      await app.listen();
      return running(app.server);
    },
  },
  { name: "Koa", path: "/api/lamp", start: (stack) => running(createServer(koaApp(stack).callback())) },
  {
    name: "Hono",
    path: "/lamp",
    async start(stack) {
      const server = serveHono({ fetch: honoApp(stack).fetch, port: 0, hostname: "127.0.0.1" }) as Server;
      await once(server, "listening");
      return running(server);
    },
  },
];

/** A body fed by the test. */
class Source extends PushBody {
  readonly length = undefined;
  readonly read = Promise.withResolvers<void>();
  readonly stopped = Promise.withResolvers<void>();

  protected override started(): void {
    this.read.resolve();
  }

  protected goOn(): void {}

  protected stop(): void {
    this.stopped.resolve();
  }

  write(text: string): void {
    this.push(Buffer.from(text));
  }

  breakOff(): void {
    this.broken(bodyBroken(new Error("the origin is gone")));
  }
}

async function startedFor(
  { start }: Framework,
  answer: (request: HttpRequest, signal: AbortSignal | undefined) => HttpResponse | Promise<HttpResponse>,
): Promise<Running> {
  const server = await start(
    service("shop", async (request, signal) => right(await answer(request, signal))),
  );
  onTestFinished(() => server.close());
  return server;
}

// Hono's server reports clients that go away, and bodies that break off, on the console.
const log = vi.spyOn(console, "error").mockImplementation(() => {});
afterAll(() => log.mockRestore());

describe.each(frameworks)("a stack in $name", (framework) => {
  serviceConformance(test, async () => {
    const server = await framework.start(
      service("shop", async ({ path, body }: HttpRequest) => {
        if (path.endsWith("/silent")) return new Promise(() => {});
        return right(httpResponse(200, bodyFrom(body)));
      }),
    );
    const origin = transport(server.url);
    return {
      service: origin,
      request: () => httpRequest(`${server.url}/api/echo`, { method: "POST", body: "some bytes" }),
      unanswered: () => httpRequest(`${server.url}/api/silent`),
      async close() {
        await origin.close();
        await server.close();
      },
    };
  });

  test("sees the path that the framework leaves", async () => {
    const { url } = await startedFor(framework, ({ path, query }) => json({ path, query }));
    const response = await fetch(`${url}/api/lamp?color=red`);
    expect(await response.json()).toEqual({ path: framework.path, query: "?color=red" });
  });

  test("streams both ways at once", async () => {
    const { url } = await startedFor(framework, ({ body }) => httpResponse(200, bodyFrom(body)));
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    void writer.write(Buffer.from("some "));
    const response = await fetch(`${url}/api/echo`, { method: "POST", body: readable, duplex: "half" });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(String(Buffer.from((await reader.read()).value as Uint8Array))).toBe("some ");
    void writer.write(Buffer.from("bytes"));
    expect(String(Buffer.from((await reader.read()).value as Uint8Array))).toBe("bytes");
    void writer.close();
    expect((await reader.read()).done).toBe(true);
  });

  test("is aborted when the client goes away", async () => {
    const source = new Source();
    const { url } = await startedFor(framework, () => httpResponse(200, source));
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("GET /api/lamp HTTP/1.1\r\nHost: a\r\n\r\n");
    await source.read.promise;
    socket.destroy();
    await source.stopped.promise;
  });

  test("breaks a response off when its body does", async () => {
    const source = new Source();
    const { url } = await startedFor(framework, () => httpResponse(200, source));
    const response = fetch(`${url}/api/lamp`);
    await source.read.promise;
    source.write("some");
    const { body } = await response;
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    source.breakOff();
    await expect(reader.read()).rejects.toThrow(TypeError);
  });
});

test.each(frameworks.slice(1))("a stack stands beside $name's own handlers", async (framework) => {
  const { url } = await startedFor(framework, () => json({ by: "the stack" }));
  const headers = { "content-type": "application/json" };
  const own = await fetch(`${url}/own`, { method: "POST", body: '{"a":1}', headers });
  expect(await own.json()).toEqual({ by: framework.name, body: { a: 1 } });
  const response = await fetch(`${url}/api/lamp`, { method: "POST", body: '{"a":1}', headers });
  expect(await response.json()).toEqual({ by: "the stack" });
  expect(response.headers.get("x-frame-options")).toBe("DENY");
});

test("a stack answers Fastify's inject, which has no sockets", async () => {
  const app = fastifyApp(
    service("shop", async ({ path, peer, body }: HttpRequest) =>
      right(json([path, peer?.address, await body.text()])),
    ),
  );
  const response = await app.inject({ method: "POST", url: "/api/lamp", payload: "some bytes" });
  expect(response.json()).toEqual(["/api/lamp", "127.0.0.1", right("some bytes")]);
  const broken = fastifyApp(service("shop", async () => right(httpResponse(200, bodyFrom(failing())))));
  await expect(broken.inject("/api/lamp")).rejects.toThrow("destroyed before completion");
});

async function* failing() {
  yield "some";
  throw new Error("the origin is gone");
}
