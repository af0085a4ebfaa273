import { type ClientHttp2Session, constants } from "node:http2";
import { CutOff, httpResponse, text } from "@pagoda/http";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { observed, Sink, Source } from "../bodies.ts";
import { ask, client } from "./http2-client.ts";
import { type Answer, eventually, head, served, statuses, Wire } from "./served.ts";

const tooSlow = "the body was slower than 240 bytes per second";

/** A server that reads every body and answers when it has ended. */
async function reading(options: Parameters<typeof served>[1] = {}) {
  const clock = virtualClock();
  const sinks: Sink[] = [];
  const signals: AbortSignal[] = [];
  const refused: string[] = [];
  const answer: Answer = ({ body }, signal) => {
    signals.push(signal);
    const sink = Sink.on(body);
    sinks.push(sink);
    return new Promise((resolve) => body.observe((complete) => resolve(text(complete ? "whole" : "broken"))));
  };
  const server = await served(answer, {
    clock,
    requestRefused: (status, reason, _client, isCalled) =>
      refused.push(`${status} ${reason}${isCalled ? ", called" : ""}`),
    ...options,
  });
  /** Advances the clock by `seconds`, calling `each` every second. */
  async function pass(seconds: number, each: () => void): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      const before = sinks.reduce((sum, { chunks }) => sum + chunks.length, 0);
      each();
      for (let turn = 0; turn < 5; turn++) await settled();
      if (sinks.reduce((sum, { chunks }) => sum + chunks.length, 0) === before)
        for (let turn = 0; turn < 20; turn++) await settled();
      await clock.advance(1_000);
    }
  }
  return { clock, server, sinks, signals, refused, pass };
}

describe("a client that sends too slowly", () => {
  test.each([
    ["with a length", "Content-Length: 1000", (bytes: string) => bytes],
    [
      "in chunks",
      "Transfer-Encoding: chunked",
      (bytes: string) => `${bytes.length.toString(16)}\r\n${bytes}\r\n`,
    ],
  ])("gets 408 over HTTP/1.1, %s, and its call is aborted", async (_how, field, framed) => {
    const { server, signals, refused, pass } = await reading();
    const wire = await Wire.to(server, head("POST /", field));
    await eventually(() => server.inFlight === 1);
    await pass(8, () => wire.send(framed("a")));
    expect(await wire.until(tooSlow)).toMatch(/^HTTP\/1\.1 408 [^]*connection: close/i);
    expect(refused).toEqual([`408 ${tooSlow}, called`]);
    expect(signals[0]?.reason).toEqual(new CutOff(tooSlow));
    wire.socket.end();
    await eventually(() => server.connections === 0 && server.inFlight === 0);
    expect(statuses(wire.text)).toEqual([408]);
  });

  test("gets 408 over HTTP/2 without affecting its other streams", async () => {
    const { server, signals, refused, pass, sinks } = await reading();
    const session = client(server);
    const slow = session.request({ ":method": "POST" }, { endStream: false });
    let status: unknown;
    slow.on("error", () => {}).on("response", (fields) => (status = fields[":status"]));
    const quick = session.request({ ":method": "POST" }, { endStream: false });
    await eventually(() => sinks.length === 2);
    await pass(8, () => {
      slow.write("a");
      quick.write("b".repeat(300));
    });
    await eventually(() => status !== undefined);
    expect(status).toBe(408);
    expect(refused).toEqual([`408 ${tooSlow}, called`]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    quick.end();
    await eventually(() => sinks[1]?.ends.length === 1);
    expect(sinks[1]?.ends).toEqual(["end"]);
  });

  test("is reset once its response has begun", async () => {
    const clock = virtualClock();
    const source = new Source();
    const server = await served(
      ({ body }) => {
        Sink.on(body);
        return httpResponse(200, source);
      },
      { clock },
    );
    const wire = await Wire.to(server, head("POST /", "Content-Length: 10"));
    await eventually(() => source.calls.length > 0);
    source.write("begun");
    await wire.until("begun");
    await clock.advance(8_000);
    expect(await wire.closed).toBe("ECONNRESET");
    expect(source.calls.at(-1)).toContain("the client closed the request");
  });

  test("is not cut off for keeping the rate, for a body that nobody reads, or over gRPC", async () => {
    const { server, refused, pass, sinks } = await reading();
    const wire = await Wire.to(server, head("POST /", "Transfer-Encoding: chunked"));
    const session = client(server);
    const grpc = session.request(
      { ":method": "POST", "content-type": "application/grpc+proto" },
      { endStream: false },
    );
    const unread = await served(() => new Promise(() => {}), { clock: virtualClock() });
    const waiting = await Wire.to(unread, head("POST /", "Content-Length: 10"));
    await eventually(() => sinks.length === 2 && unread.inFlight === 1);
    await pass(30, () => wire.send(`12c\r\n${"a".repeat(300)}\r\n`));
    wire.send("0\r\n\r\n");
    expect(await wire.until("whole")).toContain("200");
    expect(refused).toEqual([]);
    expect(unread.inFlight).toBe(1);
    waiting.socket.destroy();
    grpc.on("error", () => {}).destroy();
  });

  test("has the configured limit, which update changes at once", async () => {
    const { server, refused, pass } = await reading({ limits: { body: { minRate: 0, idleMs: 0 } } });
    const wire = await Wire.to(server, head("POST /", "Content-Length: 1000"));
    await eventually(() => server.inFlight === 1);
    await pass(20, () => wire.send("a"));
    expect(refused).toEqual([]);
    server.update({ limits: { body: { minRate: 0, totalMs: 21_000 } } });
    await pass(4, () => wire.send("a"));
    expect(refused).toEqual(["408 the body took longer than 21 s, called"]);
  });

  test("gets 408 if its head is not complete in time", async () => {
    const refused: number[] = [];
    const server = await served(() => text("never"), {
      limits: { headMs: 50 },
      protocols: ["http1"],
      requestRefused: (status) => refused.push(status),
    });
    const wire = await Wire.to(server, "GET / HTTP/1.1\r\nHost: ");
    expect(await wire.rest()).toContain("request head not complete within 50 ms");
    expect(refused).toEqual([408]);
  });
});

const piece = new Uint8Array(32_768);

describe("a client that does not read its response", () => {
  /** Responses of `pieces` chunks over HTTP/2 to a client whose window is 0. */
  async function stuck(pieces: number, length?: number, options: Parameters<typeof served>[1] = {}) {
    const clock = virtualClock();
    const sources: Source[] = [];
    const signals: AbortSignal[] = [];
    const server = await served(
      ({ path }, signal) => {
        if (path === "/short") return text("short");
        const source = new Source();
        source.length = length;
        sources.push(source);
        signals.push(signal);
        return httpResponse(200, source);
      },
      { clock, ...options },
    );
    const session = client(server, { settings: { initialWindowSize: 0 } });
    const stream = session.request({}).on("error", () => {});
    await eventually(() => sources.length === 1 && (sources[0] as Source).calls.length > 0);
    const goOn = Array.from({ length: pieces }, () => sources[0]?.write(piece) ?? false);
    return { clock, server, session, stream, sources, signals, goOn };
  }

  test.each([undefined, 8 * piece.length - 1])(
    "defect: held its upstream even for responses up to 256 KiB (length %s)",
    async (length) => {
      const { sources, goOn, clock, stream, server } = await stuck(7, length);
      expect(goOn).toEqual([true, true, true, true, true, true, true]);
      const [source] = sources as [Source];
      const ends = observed(source);
      if (length !== undefined) source.write(piece.subarray(1));
      source.end();
      expect(ends).toEqual([true]);
      await clock.advance(8_000);
      await eventually(() => server.inFlight === 0);
      expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    },
  );

  test("pauses the source at 256 KiB, or at once if the length is known to exceed it", async () => {
    const taken = (goOn: readonly boolean[]): number => goOn.indexOf(false) * piece.length;
    // Node buffers up to 64 KiB per stream before it reports backpressure.
    const unknown = taken((await stuck(20)).goOn);
    expect(unknown).toBeGreaterThanOrEqual(262_144 - piece.length);
    expect(unknown).toBeLessThanOrEqual(262_144 + 65_536);
    expect(taken((await stuck(20, 10_000_000)).goOn)).toBeLessThanOrEqual(65_536);
  });

  test("pauses the source at once when all responses together hold 32 MiB", async () => {
    const { sources, server } = await stuck(0);
    const sessions: ClientHttp2Session[] = [];
    /** Adds a stuck client and fills its response; returns whether the server buffered 200 KiB of it. */
    async function another(): Promise<boolean> {
      const session = client(server, { settings: { initialWindowSize: 0 } });
      sessions.push(session);
      const at = sources.length;
      session.request({}).on("error", () => {});
      await eventually(() => (sources[at]?.calls.length ?? 0) > 0);
      let pieces = 0;
      while (pieces < 20 && sources[at]?.write(piece) === true) pieces++;
      return pieces * piece.length > 200_000;
    }
    let count = 0;
    while (await another()) count++;
    expect(count * 262_144).toBeGreaterThanOrEqual(24 * 1_048_576);
    expect(count * 262_144).toBeLessThanOrEqual(34 * 1_048_576);
    // Closing them frees their share.
    const held = server.inFlight;
    for (const session of sessions.slice(0, 10)) session.destroy();
    await eventually(() => server.inFlight === held - 10);
    expect(await another()).toBe(true);
  });

  test("is reset over HTTP/2, its call aborted and its source stopped, and its connection stays open", async () => {
    const { clock, stream, signals, sources, session } = await stuck(20);
    await clock.advance(4_000);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(3_000);
    await eventually(() => stream.closed);
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    const reason = new CutOff("reading the response was slower than 240 bytes per second");
    expect(signals[0]?.reason).toEqual(reason);
    expect(sources[0]?.calls.at(-1)).toMatch(/^stop/);
    session.settings({ initialWindowSize: 65_535 });
    expect((await ask(session, { ":path": "/short" })).body).toBe("short");
  });

  test("is reset over HTTP/1.1 and its source stopped", async () => {
    const clock = virtualClock();
    const source = new Source();
    const server = await served(() => httpResponse(200, source), { clock });
    const wire = await Wire.to(server, head("GET /"));
    wire.socket.pause();
    // More than the system's buffers and the server's take.
    const fill = (): void => {
      while (source.write(new Uint8Array(262_144)));
    };
    source.onGoOn = fill;
    await eventually(() => source.calls.length > 0);
    fill();
    for (let turn = 0; turn < 50; turn++) await settled();
    // Bytes in the system's buffers count as read.
    await clock.advance(62_000);
    await eventually(() => server.connections === 0);
    expect(source.calls.at(-1)).toMatch(/^stop/);
    wire.socket.resume();
    // On Node 22, a paused socket reports a reset as an end.
    expect(await wire.closed).toBe(process.versions.node.startsWith("22.") ? "end" : "ECONNRESET");
  });

  test("is cut off in a tunnel, too", async () => {
    const clock = virtualClock();
    const source = new Source();
    let its: AbortSignal | undefined;
    const server = await served(
      (_request, signal) => {
        its = signal;
        return httpResponse(101, source);
      },
      { clock },
    );
    const fields = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    const wire = await Wire.to(server, head("GET /", ...fields));
    await wire.until("101");
    wire.socket.pause();
    const fill = (): void => {
      while (source.write(new Uint8Array(262_144)));
    };
    source.onGoOn = fill;
    fill();
    for (let turn = 0; turn < 50; turn++) await settled();
    await clock.advance(62_000);
    await eventually(() => server.connections === 0);
    expect(its?.reason).toEqual(new CutOff("reading the response stalled for 60 s"));
    expect(source.calls.at(-1)).toMatch(/^stop/);
  });

  test("is not cut off while the source has nothing to send", async () => {
    const clock = virtualClock();
    const sources: Source[] = [];
    const server = await served(
      () => {
        const source = new Source();
        sources.push(source);
        return httpResponse(200, source);
      },
      { clock },
    );
    await Wire.to(server, head("GET /"));
    client(server)
      .request({})
      .on("error", () => {});
    await eventually(() => sources.length === 2 && sources.every(({ calls }) => calls.length > 0));
    const ends = sources.map(observed);
    for (const source of sources) source.write("a");
    await clock.advance(200_000);
    expect(server.inFlight).toBe(2);
    expect(ends).toEqual([[], []]);
  });
});
