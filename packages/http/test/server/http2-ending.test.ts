import { once } from "node:events";
import { type ClientHttp2Stream, constants } from "node:http2";
import { bodyFrom, CutOff, httpResponse, text } from "@pagoda/http";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Sink, Source } from "../bodies.ts";
import { answerTo, ask, client } from "./http2-client.ts";
import { eventually, served } from "./served.ts";

describe("aborted and broken streams over HTTP/2", () => {
  test("a client that cancels its request aborts only that call", async () => {
    const aborted: string[] = [];
    const server = await served(({ path }, signal) => {
      signal.addEventListener("abort", () => aborted.push(path));
      return path === "/quick" ? text("yes") : new Promise(() => {});
    });
    const session = client(server);
    const streams = ["/a", "/b"].map((path) => session.request({ ":path": path }));
    await eventually(() => server.inFlight === 2);
    streams[0]?.on("error", () => {}).close(constants.NGHTTP2_CANCEL);
    await eventually(() => server.inFlight === 1);
    expect((await ask(session, { ":path": "/quick" })).body).toBe("yes");
    expect(aborted).toEqual(["/a"]);
    streams[1]?.on("error", () => {});
    session.destroy();
    await eventually(() => server.inFlight === 0 && server.connections === 0);
    expect(aborted).toEqual(["/a", "/b"]);
  });

  test.each([
    ["is reset", (stream: ClientHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ["is reset without an error", (stream: ClientHttp2Stream) => stream.close(constants.NGHTTP2_NO_ERROR)],
    ["is lost with its connection", (stream: ClientHttp2Stream) => stream.session?.destroy()],
  ])("defect: an upload that %s looked complete", async (_name, lose) => {
    let sink: Sink | undefined;
    const server = await served(({ body }) => {
      sink = Sink.on(body);
      return new Promise(() => {});
    });
    // Unless trailers are pending, Node's client ends a stream properly before resetting it.
    const options = { endStream: false, waitForTrailers: true };
    const stream = client(server).request({ ":method": "POST" }, options);
    stream.on("error", () => {});
    stream.write("half");
    await eventually(() => sink?.chunks.length === 1);
    lose(stream);
    await eventually(() => sink?.ends.length === 1);
    expect(sink?.ends).toEqual(["fail"]);
  });

  test.each([
    ["before the response", "before"],
    ["after the response", "after"],
  ])(
    "defect: a stream whose body was cancelled %s stayed open with the data it had received",
    async (_how, when) => {
      const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
      let cancel: (() => void) | undefined;
      const server = await served(async ({ body }) => {
        await mayAnswer;
        if (when === "before") body.cancel();
        else cancel = () => body.cancel();
        return text("no", 413);
      });
      const session = client(server);
      const whole = ask(session, { ":method": "POST" }, "x".repeat(60_000));
      // Frames are answered in order: when the ping returns, the server has the whole body.
      await new Promise((resolve) => session.ping(resolve));
      answer();
      expect((await whole).headers[":status"]).toBe(413);
      cancel?.();
      await eventually(() => server.inFlight === 0);
      session.close();
      await eventually(() => server.connections === 0);
    },
  );

  test("a response whose source breaks is reset and never looks complete", async () => {
    const source = new Source();
    const server = await served(() => httpResponse(200, source));
    const answer = ask(client(server), {});
    await eventually(() => source.calls.length > 0);
    source.write("half");
    source.break();
    expect((await answer).code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });

  test("defect: data written just before the break was lost", async () => {
    const source = new Source();
    source.onStart = () => {
      source.write("a".repeat(100_000));
      source.break();
    };
    const server = await served(() => httpResponse(200, source));
    const { body, code } = await ask(client(server), {});
    expect([body.length, code]).toEqual([100_000, constants.NGHTTP2_INTERNAL_ERROR]);
  });

  test.each([1, 2, 20])(
    "defect: a source that broke after %s queued chunks looked complete",
    async (pieces) => {
      const source = new Source();
      source.onStart = () => {
        for (let n = 0; n < pieces; n++) source.write("a".repeat(65_536));
        source.break();
      };
      const server = await served(() => httpResponse(200, source));
      const { body, code } = await ask(client(server), {});
      expect([body.length, code]).toEqual([pieces * 65_536, constants.NGHTTP2_INTERNAL_ERROR]);
    },
  );

  test.each([
    ["longer", "5"],
    ["shorter", "9"],
  ])("a body that is %s than its length is a defect and resets the stream", async (_name, length) => {
    const defects: unknown[] = [];
    const body = Object.defineProperty(bodyFrom(["seven", "78"]), "length", { value: Number(length) });
    const server = await served(() => httpResponse(200, body), {
      defect: (cause) => void defects.push(cause),
    });
    const { code } = await ask(client(server), {});
    expect(code).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect(defects).toMatchObject([{ name: "RangeError" }]);
  });

  test.each([
    ["an invalid field name", { "a b": "c" }],
    ["a line feed in a field", { a: "b\nc" }],
    ["a wrong Content-Length", { "content-length": "7" }],
    ["an invalid Content-Length", { "content-length": "x" }],
  ])("%s is a defect and is answered with 500", async (_name, fields) => {
    const defects: unknown[] = [];
    const server = await served(() => text("a", 200, fields as Record<string, string>), {
      defect: (cause) => void defects.push(cause),
    });
    const session = client(server);
    expect((await ask(session, {})).headers[":status"]).toBe(500);
    expect((await ask(session, {})).headers[":status"]).toBe(500);
    expect(defects).toHaveLength(2);
  });

  test("connection-specific fields of HTTP/1.1 are left out", async () => {
    const fields = { connection: "close", "Keep-Alive": "5", "transfer-encoding": "chunked", upgrade: "x" };
    const server = await served(() => text("a", 200, fields));
    const { headers } = await ask(client(server), {});
    expect(Object.keys(headers).toSorted()).toEqual(
      [":status", "content-length", "content-type", "date"].toSorted(),
    );
  });
});

describe("the end of an HTTP/2 connection", () => {
  test("drain answers requests in flight and those sent before GOAWAY arrived", async () => {
    const answers: (() => void)[] = [];
    const server = await served(() => new Promise((resolve) => answers.push(() => resolve(text("yes")))), {
      clock: virtualClock(),
    });
    const session = client(server);
    const first = ask(session, {});
    await eventually(() => answers.length === 1);
    const second = ask(session, {});
    // Written but not yet read: Node reads later in the loop.
    await settled();
    expect(answers).toHaveLength(1);
    const drained = server.drain(1_000);
    await eventually(() => answers.length === 2);
    for (const answer of answers) answer();
    expect([(await first).body, (await second).body]).toEqual(["yes", "yes"]);
    expect(await drained).toBe(0);
    expect([server.connections, server.inFlight]).toEqual([0, 0]);
  });

  test("defect: drain did not answer a request sent on an idle connection before its GOAWAY arrived", async () => {
    const clock = virtualClock();
    const server = await served(({ path }) => text(path), { clock });
    const session = client(server);
    await ask(session, {});
    const drained = server.drain(5_000);
    const late = ask(session, { ":method": "POST", ":path": "/late" }, "body");
    expect(await late).toMatchObject({ body: "/late", code: constants.NGHTTP2_NO_ERROR });
    await once(session, "close");
    expect(await drained).toBe(0);
    expect([server.connections, clock.pending]).toEqual([0, 0]);
  });

  test("drain closes an idle connection after a grace period and cuts off requests at the time limit", async () => {
    const clock = virtualClock();
    const signals: AbortSignal[] = [];
    const server = await served(
      ({ path }, signal) => {
        signals.push(signal);
        return path === "/" ? text("a") : new Promise(() => {});
      },
      { clock },
    );
    const [idle, late] = [client(server), client(server)];
    await ask(idle, {});
    const stream = late.request({ ":path": "/never" });
    await eventually(() => server.inFlight === 1);
    const drained = server.drain(2_000);
    await clock.advance(1_001);
    await once(idle, "close");
    await eventually(() => server.connections === 1);
    const cutOff = answerTo(stream);
    await clock.advance(1_000);
    expect(await drained).toBe(1);
    expect((await cutOff).headers).toEqual({});
    expect(signals[1]?.reason).toEqual(new CutOff("draining took longer than 2 s"));
    expect([server.connections, server.inFlight, clock.pending]).toEqual([0, 0, 0]);
  });

  test("an idle connection is closed after 1 h, a stream after 5 min without a byte", async () => {
    const clock = virtualClock();
    const source = new Source();
    let its: AbortSignal | undefined;
    const server = await served(
      ({ path }, signal) => {
        if (path === "/") return text("a");
        its = signal;
        return httpResponse(200, source);
      },
      { clock },
    );
    const session = client(server);
    const quiet = ask(session, { ":path": "/quiet" });
    await eventually(() => source.calls.length > 0);
    for (let minutes = 0; minutes < 10; minutes++) {
      source.write("a");
      await ask(session, {});
      await clock.advance(60_000);
    }
    expect(server.inFlight).toBe(1);
    await clock.advance(360_000);
    expect((await quiet).code).toBe(constants.NGHTTP2_CANCEL);
    expect(its?.reason).toEqual(new CutOff("no data for 300 s"));
    await eventually(() => server.inFlight === 0);
    // The stream ended a minute and a half ago.
    await clock.advance(3_500_000 - 90_000);
    expect(server.connections).toBe(1);
    await clock.advance(200_000);
    await eventually(() => server.connections === 0);
    expect(clock.pending).toBe(0);
  });
});
