import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Request, Target } from "../proxy/load/client.ts";
import { Generator } from "../proxy/load/generator.ts";
import { probe } from "../proxy/load/probe.ts";

const servers: (Server | Http2Server)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const get: Request = { method: "GET", path: "/a", headers: { "x-one": "1" }, body: Buffer.alloc(0) };
const post: Request = { ...get, method: "POST", body: Buffer.alloc(40_000, "x") };

async function listening(server: Server | Http2Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function http1(onRequest: RequestListener, more: Partial<Target> = {}): Promise<Target> {
  const port = await listening(createServer(onRequest));
  return { host: "127.0.0.1", port, tls: false, protocol: "http1", request: get, responseBytes: 3, ...more };
}

describe("a generator with HTTP/1.1 clients", () => {
  test("counts and times the expected responses of a closed loop", async () => {
    const target = await http1((_request, response) => response.end("abc"));
    const generator = await Generator.open(target, 4, 1);
    const seen = await generator.closed(0);
    generator.close();
    expect(seen.requests).toBe(4);
    expect(seen.latencies).toHaveLength(4);
  });

  test("counts refusals, whatever the length of their bodies", async () => {
    let calls = 0;
    const target = await http1(
      (_request, response) => {
        if (++calls % 2 === 0) response.writeHead(429, { "content-length": 8 }).end("too many");
        else response.end("abc");
      },
      { refusal: 429 },
    );
    const generator = await Generator.open(target, 1, 1);
    const seen = await generator.open(1_000_000, 0.01);
    generator.close();
    expect({ requests: seen.requests, refused: seen.refused }).toEqual({ requests: 10, refused: 5 });
  });

  test("sends a body and the fields of the request", async () => {
    const bodies: number[] = [];
    const target = await http1(
      (request, response) => {
        let bytes = 0;
        request.on("data", (chunk: Buffer) => (bytes += chunk.length));
        request.on("end", () => {
          bodies.push(bytes);
          response.end(String(request.headers["x-one"]).repeat(3));
        });
      },
      { request: post },
    );
    await probe(target);
    expect(bodies).toEqual([40_000]);
  });

  test("sends every request of an open loop, and counts its latency from when it was due", async () => {
    const target = await http1((_request, response) => response.end("abc"));
    const generator = await Generator.open(target, 1, 1);
    const { requests, ms, latencies } = await generator.open(1_000_000, 1);
    generator.close();
    expect(requests).toBe(1_000);
    // All were due within the first millisecond, and the last waited for all others.
    expect(latencies.at(-1)).toBeGreaterThan(ms - 1.1);
  });

  test.each<[string, RequestListener]>([
    [
      "response must be 200 (got HTTP/1.1 503 Service Unavailable)",
      (_, response) => response.writeHead(503).end("abc"),
    ],
    ["Content-Length must be 3 (got 4)", (_, response) => response.end("abcd")],
    [
      "Content-Length must be 3 (got none)",
      (_, response) => {
        response.write("a");
        response.end("bc");
      },
    ],
    ["connection closed", (request) => request.socket.destroy()],
  ])("fails with %s", async (message, onRequest) => {
    await expect(probe(await http1(onRequest))).rejects.toThrow(message);
  });

  test("fails when there is more than the response", async () => {
    const target = await http1((request) => {
      request.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd");
    });
    await expect(probe(target)).rejects.toThrow("more bytes than the response has");
  });

  test("reads a head that comes in pieces", async () => {
    const target = await http1((request) => {
      const { socket } = request;
      socket.write("HTTP/1.1 200 OK\r\nContent-Le");
      setImmediate(() => {
        socket.write("ngth: 3\r\n\r");
        setImmediate(() => socket.write("\nab", () => socket.write("c")));
      });
    });
    await expect(probe(target)).resolves.toBeUndefined();
  });

  test("fails again once a connection is lost", async () => {
    const target = await http1((request) => void request.socket.destroy());
    const generator = await Generator.open(target, 1, 1);
    await expect(generator.closed(0)).rejects.toThrow("connection closed");
    await expect(generator.closed(0)).rejects.toThrow("connection closed");
  });
});

describe("a generator with HTTP/2 clients", () => {
  async function http2(
    answer: (stream: import("node:http2").ServerHttp2Stream, path: string) => void,
    more: Partial<Target> = {},
  ): Promise<Target> {
    const server = createHttp2Server();
    server.on("stream", (stream, headers) => answer(stream, String(headers[":path"])));
    const port = await listening(server);
    return {
      host: "127.0.0.1",
      port,
      tls: false,
      protocol: "http2",
      request: get,
      responseBytes: 3,
      ...more,
    };
  }

  test("shares connections and checks each stream", async () => {
    const sessions = new Set<unknown>();
    const target = await http2((stream, path) => {
      sessions.add(stream.session);
      stream.respond({ ":status": 200 });
      stream.end(path === "/a" ? "abc" : "no");
    });
    const generator = await Generator.open(target, 8, 4);
    const { requests } = await generator.closed(0);
    generator.close();
    expect([requests, sessions.size]).toEqual([8, 2]);
  });

  test("sends bodies as the windows allow, and takes trailers for the end", async () => {
    let received = 0;
    const target = await http2(
      (stream) => {
        stream.on("data", (chunk: Buffer) => (received += chunk.length));
        stream.on("end", () => {
          stream.respond({ ":status": 200 }, { waitForTrailers: true });
          stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
          stream.end("abc");
        });
      },
      { request: { ...post, body: Buffer.alloc(16_000) } },
    );
    const generator = await Generator.open(target, 16, 16);
    await generator.closed(0);
    generator.close();
    expect(received).toBe(256_000);
  });

  test("fails with any other status, or with other bytes", async () => {
    const failing = await http2((stream) => stream.respond({ ":status": 503 }, { endStream: true }));
    await expect(probe(failing)).rejects.toThrow("response must be 200");
    const short = await http2((stream) => {
      stream.respond({ ":status": 200 });
      stream.end("ab");
    });
    await expect(probe(short)).rejects.toThrow("body must have 3 bytes (got 2)");
    const reset = await http2((stream) => stream.close(8));
    await expect(probe(reset)).rejects.toThrow("stream reset with code 8");
  });
});
