import { createServer as createSecureServer, get } from "node:https";
import { request } from "node:http";
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IncomingMessage } from "node:http";
import { right } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { type HttpRequest, httpResponse, isEmptyBody, json, text } from "@pagoda/http";
import { testAuthority } from "@pagoda/http/testing";
import { toNode } from "@pagoda/node";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually, head, listening, served, serverOf, stackOf, Wire } from "./served.ts";

/** The request that the stack receives for these bytes. */
async function seen(bytes: string): Promise<HttpRequest> {
  let found: HttpRequest | undefined;
  const server = await served((request_) => {
    found = request_;
    return text("seen");
  });
  await new Wire(server, bytes).until("seen");
  return found as HttpRequest;
}

describe("the request of toNode", () => {
  test("has the parts of Node's", async () => {
    const found = await seen(head("GET /lamp%2Fs?color=red", "X-A: 1", "x-a: 2"));
    expect(found).toMatchObject({
      method: "GET",
      scheme: "http",
      authority: "a",
      path: "/lamp%2Fs",
      query: "?color=red",
      version: "1.1",
      peer: { address: "127.0.0.1", port: expect.any(Number) as number },
    });
    expect(found.headers.raw).toEqual(["Host", "a", "X-A", "1", "x-a", "2"]);
    expect(isEmptyBody(found.body)).toBe(true);
    expect(found.upgrade).toBeUndefined();
  });

  test("has the version 1.0 of an old client", async () => {
    expect((await seen(head("GET / HTTP/1.0"))).version).toBe("1.0");
  });

  test("has the authority of an absolute target, in Host, too", async () => {
    const found = await seen(head("GET http://b:80/c?d"));
    expect(found).toMatchObject({ authority: "b:80", path: "/c", query: "?d" });
    expect(found.headers.all("host")).toEqual(["b:80"]);
  });

  test.each([
    ["a target with a fragment", head("GET /a#b"), "malformed request target"],
    ["two Host fields", head("GET /", "Host: b"), "more than one Host field"],
    ["a malformed Host field", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "malformed Host field"],
  ])("is refused for %s", async (_what, bytes, reason) => {
    let calls = 0;
    const server = await served(() => {
      calls++;
      return text("seen");
    });
    const wire = new Wire(server, bytes);
    expect(await wire.closed).toBe("end");
    expect(wire.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(wire.text).toContain(`400 ${reason}`);
    expect(calls).toBe(0);
  });

  test("is one of https on a TLS socket", async () => {
    const { ca, issue } = testAuthority();
    const { certificate, key } = issue({ names: "DNS:localhost" });
    const listener = toNode(stackOf(({ scheme }) => text(scheme)));
    const { port } = await listening(createSecureServer({ cert: certificate, key }, listener));
    const [response] = (await once(get({ port, host: "localhost", ca, agent: false }), "response")) as [
      IncomingMessage,
    ];
    expect(String(Buffer.concat(await response.toArray()))).toBe("https");
  });

  test("has the verified certificate of its client", async () => {
    const { ca, issue } = testAuthority();
    const own = issue({ names: "DNS:localhost" });
    const client = issue({ subject: "CN=cart", names: "URI:spiffe://a.test/cart" });
    const listener = toNode(stackOf(({ peer }) => json(peer)));
    const tls = { cert: own.certificate, key: own.key, ca, requestCert: true };
    const { port } = await listening(createSecureServer(tls, listener));
    const options = { port, host: "localhost", ca, agent: false, cert: client.certificate, key: client.key };
    const [response] = (await once(get(options), "response")) as [IncomingMessage];
    expect(JSON.parse(String(Buffer.concat(await response.toArray())))).toMatchObject({
      identity: "spiffe://a.test/cart",
      certificate: { subject: "CN=cart" },
    });
  });

  test("has no peer on a Unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pagoda-node-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const socketPath = join(folder, "a");
    const server = createServer(toNode(stackOf(({ peer }) => json({ peer: peer ?? null }))));
    await once(server.listen(socketPath), "listening");
    onTestFinished(() => void server.close());
    const sent = request({ socketPath, agent: false }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(JSON.parse(String(Buffer.concat(await response.toArray())))).toEqual({ peer: null });
  });

  test.each([
    ["a length", ["Content-Length: 10"], "some bytes", 10],
    ["chunks", ["Transfer-Encoding: chunked"], "a\r\nsome bytes\r\n0\r\n\r\n", undefined],
  ])("has a body with %s", async (_what, fields, bytes, length) => {
    const server = await served(async ({ body }) => {
      const { length: announced } = body;
      return json([await body.text(), announced ?? null]);
    });
    const wire = new Wire(server, head("POST /", ...fields), bytes);
    expect(await wire.until("]")).toContain(JSON.stringify([right("some bytes"), length ?? null]));
  });

  test("has the trailers", async () => {
    const server = await served(async ({ body }) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      body.observe((complete, trailers) => resolve([complete, trailers?.raw]));
      await body.bytes();
      return json(await promise);
    });
    const bytes = "1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n";
    const wire = new Wire(server, head("POST /", "Transfer-Encoding: chunked", "Trailer: X-Sum"), bytes);
    expect(await wire.until("]]")).toContain('[true,["X-Sum","1"]]');
  });

  test("breaks off when its client goes away", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const server = await served(async ({ body }) => {
      resolve(await body.bytes());
      return text("");
    });
    const wire = new Wire(server, head("POST /", "Content-Length: 10"), "some");
    await once(wire.socket, "connect");
    wire.socket.end();
    expect(await promise).toMatchObject({ left: { _tag: "BodyBroken" } });
  });

  test("is paused while the stack does not read it", async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    const total = 32 * 1_048_576;
    const server = await served(async ({ body }) => {
      await go;
      let bytes = 0;
      for await (const chunk of body) bytes += chunk.length;
      return text(`${bytes}`);
    });
    const wire = new Wire(server, head("POST /", `Content-Length: ${total}`));
    wire.socket.write(Buffer.alloc(total));
    for (let i = 0; i < 100; i++) await settled();
    expect(wire.socket.bytesWritten).toBeGreaterThan(0);
    expect(wire.socket.writableLength).toBeGreaterThan(0);
    resolve();
    expect(await wire.until(String(total))).toContain("200 OK");
  });

  test.each([
    ["is not read", () => text("answer")],
    [
      "is cancelled midway",
      async ({ body }: HttpRequest) => {
        for await (const _chunk of body) break;
        return text("answer");
      },
    ],
  ])("leaves the connection usable if its body %s", async (_what, answer) => {
    const server = await served(answer);
    const bytes = "x".repeat(4 * 1_048_576);
    const wire = new Wire(server, head("POST /", `Content-Length: ${bytes.length}`), bytes);
    await wire.until("answer");
    wire.send(head("GET /"));
    await eventually(() => wire.text.split("answer").length === 3);
  });

  test("keeps its rest unread until the response is sent", async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    let cancelled = false;
    const server = await served(async ({ body }) => {
      await new Promise<void>((resolve) => {
        const flow = body.pipe({
          write() {
            queueMicrotask(() => {
              flow.cancel();
              resolve();
            });
            return true;
          },
          end() {},
          fail() {},
        });
      });
      cancelled = true;
      await go;
      return text("answer");
    });
    const total = 32 * 1_048_576;
    const wire = new Wire(server, head("POST /", `Content-Length: ${total}`));
    wire.socket.write(Buffer.alloc(total));
    await eventually(() => cancelled);
    // Enough to read all of it.
    for (let i = 0; i < 2_000; i++) await settled();
    expect(wire.socket.writableLength).toBeGreaterThan(0);
    resolve();
    await wire.until("answer");
    await eventually(() => wire.socket.writableLength === 0);
  });

  test("that a body parser has read is a defect, instead of an empty body", async () => {
    const defects: unknown[] = [];
    const stack = stackOf(async ({ body }) => json(await body.text()));
    const listener = toNode(stack, { defect: (defect) => defects.push(defect) });
    const server = await serverOf((incoming, response) => {
      incoming.resume().on("end", () => listener(incoming, response));
    });
    const response = await fetch(server.url, { method: "POST", body: "some bytes" });
    expect(response.status).toBe(500);
    expect(String(defects)).toContain("call toNode before any body parser");
  });

  test("has the path without the prefix that a framework has removed", async () => {
    const listener = toNode(stackOf(({ path, query }) => json({ path, query })));
    const server = await serverOf((incoming, response) => {
      incoming.url = "/b?c";
      listener(incoming, response);
    });
    expect(await (await fetch(`${server.url}/a/b?c`)).json()).toEqual({ path: "/b", query: "?c" });
  });

  test("of one connection has the same peer", async () => {
    const peers: unknown[] = [];
    const server = await served(({ peer }) => {
      peers.push(peer);
      return httpResponse(204);
    });
    const wire = new Wire(server, head("GET /"));
    await wire.until("204");
    wire.send(head("GET /"));
    await eventually(() => peers.length === 2);
    expect(peers[0]).toBe(peers[1]);
  });
});
