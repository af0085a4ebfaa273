import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { type BodyBroken, bodyFrom, HttpHeaders, httpResponse, text } from "@pagoda/http";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { observed, Sink, Source } from "../bodies.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

const mebibyte = 1_048_576;

describe("a streaming response", () => {
  test("to a slow reader pauses its source", async () => {
    const total = 64 * mebibyte;
    const source = new Source();
    let given = 0;
    source.onGoOn = source.onStart = () => {
      while (given < total && source.write(Buffer.alloc(65_536, given / 65_536))) given += 65_536;
      // The chunk that returned false was accepted, too.
      given += 65_536;
      if (given >= total) source.end();
    };
    const server = await served(() => httpResponse(200, source));
    const reader = get(server.url, { agent: false });
    const [response] = (await once(reader, "response")) as [IncomingMessage];
    await eventually(() => given > 0);
    for (let i = 0; i < 100; i++) await settled();
    expect(given).toBeLessThan(total / 2);
    let at = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      expect(chunk[0]).toBe(Math.floor(at / 65_536) % 256);
      at += chunk.length;
    }
    expect(at).toBe(total);
    expect(observed(source)).toEqual([true]);
  });

  test.each([
    ["of known length", 16 * mebibyte],
    ["in chunks", undefined],
  ])("%s whose source uses its memory again reaches a client that pauses unchanged", async (_how, length) => {
    // Less than a socket buffers before its writer should pause.
    const piece = 32_768;
    const total = 16 * mebibyte;
    const source = new Source();
    source.length = length;
    let buffer = Buffer.alloc(piece);
    let given = 0;
    let lent = 0;
    source.onGoOn = source.onStart = () => {
      do {
        buffer.fill(given / piece);
        given += piece;
        if (source.lend(buffer)) buffer = Buffer.alloc(piece);
        else lent++;
      } while (given < total && source.waits);
      if (given === total) source.end();
    };
    const server = await served(() => httpResponse(200, source));
    const [response] = (await once(get(server.url, { agent: false }), "response")) as [IncomingMessage];
    await eventually(() => given > 0 && !source.waits);
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const all = Buffer.concat(chunks);
    expect(all).toHaveLength(total);
    for (let at = 0; at < total; at += piece)
      expect(all.subarray(at, at + piece).every((byte) => byte === (at / piece) % 256)).toBe(true);
    expect(lent).toBeGreaterThan(0);
  });

  test("to a client that disconnects is cancelled, and the call is aborted", async () => {
    const source = new Source();
    let signal: AbortSignal | undefined;
    const server = await served((_request, given) => {
      signal = given;
      return httpResponse(200, source);
    });
    const wire = await Wire.to(server, head("GET /"));
    await eventually(() => source.calls.length > 0);
    source.write("a");
    await wire.until("a");
    wire.socket.destroy();
    await eventually(() => source.calls.length > 1);
    expect(source.calls).toEqual(["start", "stop Error: the client closed the request"]);
    expect(signal?.aborted).toBe(true);
    expect(server.inFlight).toBe(0);
  });

  test("to a client that disconnected before it began is cancelled", async () => {
    const source = new Source();
    let answer = (): void => {};
    const server = await served((_request, signal) => {
      return new Promise((resolve) => {
        answer = () => resolve(httpResponse(200, source));
        signal.addEventListener("abort", answer);
      });
    });
    const wire = await Wire.to(server, head("GET /"));
    await eventually(() => server.inFlight === 1);
    wire.socket.destroy();
    await eventually(() => source.calls.length > 0);
    expect(source.calls).toEqual(["stop undefined"]);
  });

  test.each([
    ["of known length", HttpHeaders.of({ "content-length": "10" })],
    ["in chunks", HttpHeaders.empty],
  ])("%s that breaks is an error for its client, not a short response", async (_how, headers) => {
    const source = new Source();
    const server = await served(() => httpResponse(200, source, headers));
    const response = await fetch(server.url);
    source.write("half");
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    source.break();
    await expect(reader.read()).rejects.toThrow("terminated");
  });

  test("defect: one that broke looked complete to an HTTP/1.0 client, for which the close ends the body", async () => {
    const source = new Source();
    const server = await served(() => httpResponse(200, source));
    const wire = await Wire.to(server, head("GET / HTTP/1.0"));
    await eventually(() => source.calls.length > 0);
    source.write("half");
    await wire.until("half");
    source.break();
    expect(await wire.closed).toBe("ECONNRESET");
  });

  test("defect: one that broke behind a pipelined request left its client waiting", async () => {
    const broken = new Source();
    let first = (): void => {};
    const server = await served(({ path }) => {
      if (path === "/2") return httpResponse(200, broken);
      return new Promise((resolve) => (first = () => resolve(text("<1>"))));
    });
    const wire = await Wire.to(server, head("GET /1"), head("GET /2"));
    await eventually(() => broken.calls.length > 0);
    broken.write("half");
    broken.break();
    await settled();
    first();
    const all = await wire.rest();
    expect(all).toContain("<1>");
    expect(all).not.toContain("half");
    expect(server.inFlight).toBe(0);
  });

  test("behind another on its connection is cancelled when the client disconnects", async () => {
    const source = new Source();
    const server = await served(({ path }) =>
      path === "/2" ? httpResponse(200, source) : new Promise(() => {}),
    );
    const wire = await Wire.to(server, head("GET /1"), head("GET /2"));
    await eventually(() => source.calls.length > 0);
    wire.socket.destroy();
    await eventually(() => source.calls.length > 1);
    expect(server.inFlight).toBe(0);
  });
});

describe("an upload", () => {
  test("pauses while its sink pauses", async () => {
    const total = 64 * mebibyte;
    let sink: Sink | undefined;
    const server = await served(async ({ body }) => {
      const taking = (sink = Sink.on(body, () => false));
      await eventually(() => taking.ends.length > 0);
      return text("all");
    });
    const wire = await Wire.to(server, head("POST /", `Content-Length: ${total}`));
    for (let i = 0; i < 64; i++) wire.send(Buffer.alloc(mebibyte, i));
    await eventually(() => (sink?.chunks.length ?? 0) > 0);
    for (let i = 0; i < 100; i++) await settled();
    expect(sink?.chunks.length).toBe(1);
    expect(wire.socket.bytesWritten - wire.socket.writableLength).toBeLessThan(total / 2);
    const taking = sink as Sink;
    taking.onWrite = () => true;
    taking.flow?.resume();
    await wire.until("\r\n\r\nall");
    expect(taking.chunks.reduce((sum, { length }) => sum + length, 0)).toBe(total);
  });

  test("from a client that disconnects fails", async () => {
    let fault: BodyBroken | undefined;
    const server = await served(async ({ body }) => {
      const sink = Sink.on(body);
      await eventually(() => sink.ends.length > 0);
      fault = sink.fault;
      return text("late");
    });
    const wire = await Wire.to(server, head("POST /", "Content-Length: 10"), "half");
    await eventually(() => server.inFlight === 1);
    wire.socket.destroy();
    await eventually(() => fault !== undefined);
    expect(fault?._tag).toBe("BodyBroken");
  });
});

describe("a response to an upload that was not read", () => {
  const big = Buffer.alloc(20 * mebibyte);

  async function refused(wire: Wire): Promise<void> {
    expect(await wire.closed).toBe("end");
    expect(statuses(wire.text)).toEqual([413]);
    expect(wire.text).toMatch(/connection: close/i);
    expect(wire.text).toMatch(/too large\n$/);
  }

  test("arrives even if the client is still sending", async () => {
    const clock = virtualClock();
    const server = await served(() => text("too large\n", 413), { clock });
    const wire = await Wire.to(server, head("POST /", `Content-Length: ${big.length}`), big);
    await refused(wire);
    await eventually(() => server.connections === 0);
    expect(clock.pending).toBe(0);
  });

  test("defect: it did not arrive when the upload had been partly read", async () => {
    const clock = virtualClock();
    const server = await served(
      async ({ body }) => {
        const { _tag } = await body.bytes({ maxBytes: 1_000 });
        return text(_tag === "Left" ? "too large\n" : "", 413);
      },
      { clock },
    );
    const chunk = Buffer.concat([Buffer.from(`${big.length.toString(16)}\r\n`), big]);
    await refused(await Wire.to(server, head("POST /", "Transfer-Encoding: chunked"), chunk));
  });

  test("defect: the server's own error responses did not arrive", async () => {
    const clock = virtualClock();
    const server = await served(() => text("never"), { clock });
    const length = `Content-Length: ${big.length}`;
    const wire = await Wire.to(server, head("POST /", "Host: a", length), big);
    expect(await wire.closed).toBe("end");
    expect(statuses(wire.text)).toEqual([400]);
    const long = await Wire.to(server, `GET / HTTP/1.1\r\nX: ${"y".repeat(8 * mebibyte)}\r\n\r\n`);
    expect(await long.closed).toBe("end");
    expect(statuses(long.text)).toEqual([431]);
  });

  test("arrives when the upload is cancelled after the response", async () => {
    let sink: Sink | undefined;
    const server = await served(
      ({ body }) => {
        sink = Sink.on(body, () => false);
        return text("too large\n", 413);
      },
      { clock: virtualClock() },
    );
    const wire = await Wire.to(server, head("POST /", `Content-Length: ${big.length}`), big);
    await wire.until("too large\n");
    await eventually(() => server.inFlight === 0);
    sink?.flow?.cancel();
    await refused(wire);
  });

  test("closes the connection after two seconds if the client does not", async () => {
    const clock = virtualClock();
    const server = await served(() => text("too large\n", 413), { clock });
    const socket = new Socket({ allowHalfOpen: true }).connect(server.port, server.host);
    const wire = new Wire(socket);
    wire.send(head("POST /", "Content-Length: 10"));
    await wire.until("too large\n");
    await eventually(() => clock.pending === 2);
    await clock.advance(1_999);
    expect(server.connections).toBe(1);
    await clock.advance(1);
    await eventually(() => server.connections === 0);
    expect(clock.pending).toBe(0);
  });
});

test("a service may answer with the request's body", async () => {
  const server = await served(({ body }) => httpResponse(200, body));
  const upload = bodyFrom(["a", "b"]);
  expect(upload.length).toBeUndefined();
  const response = await fetch(server.url, { method: "POST", body: Buffer.alloc(3 * mebibyte, "a") });
  expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.alloc(3 * mebibyte, "a"))).toBe(true);
});
