import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { bodyFrom, callNotes, ReplayBody } from "@pagoda/http";
import { isRight } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { hello, http2, http2Origin, until } from "./http2-origin.ts";
import { faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";

/** Sends GOAWAY with `last` as the last processed stream. Node's server cannot do this for no stream at all. */
function leave(socket: Socket | undefined, last: number, code = 0): void {
  const frame = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, last, 0, 0, 0, code]);
  (socket as Socket).write(frame);
}

/** An origin that sends GOAWAY at the nth stream of each connection and ignores later streams. */
async function leavingOrigin(nth: number) {
  const counts = new WeakMap<object, number>();
  return http2Origin((stream, fields) => {
    const count = (counts.get(stream.session as object) ?? 0) + 1;
    counts.set(stream.session as object, count);
    if (count === nth) stream.session?.goaway(0, stream.id);
    if (count <= nth) hello(stream, fields);
  });
}

describe("streams above the last one of a GOAWAY", () => {
  test("defect: 15 of 20 calls were lost with a GOAWAY at every fifth", async () => {
    const { url, sessions } = await leavingOrigin(5);
    const transport = http2(url);
    const notes = callNotes();
    const asked = { ...request("POST", "/", { body: "a" }), notes };
    const calls = Array.from({ length: 40 }, () => transport.call(asked));
    for (const call of calls) expect(await textOf(call)).toBe("hello");
    // Every resend is counted.
    const resent = 35 + 30 + 25 + 20 + 15 + 10 + 5;
    expect(transport.describe().state).toMatchObject({ resent });
    expect(notes.tries).toBe(40 + resent);
    expect(sessions.length).toBe(8);
    await untilIdle(transport);
  });

  test("are resent with a started body if it can be read again", async () => {
    let refused = 0;
    const { url, sockets } = await http2Origin((stream, fields) => {
      if (refused++ > 0) return hello(stream, fields);
      stream.once("data", () => leave(sockets[0], 0));
    });
    const body = new ReplayBody(bodyFrom(["a", "b"]));
    expect(await textOf(http2(url).call(request("POST", "/", { body })))).toBe("hello");
  });

  test("are ConnectionBroken with a body that cannot be read again", async () => {
    const { url, sockets } = await http2Origin((stream) => {
      stream.once("data", () => leave(sockets[0], 0));
    });
    const fault = await faultOf(http2(url).call(request("POST", "/", { body: bodyFrom(["a", "b"]) })));
    expect(fault).toMatchObject({ _tag: "ConnectionBroken", code: "REFUSED_STREAM" });
    expect(fault).not.toHaveProperty("processed");
  });

  test("are resent after a GOAWAY with an error, while lower streams are broken", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sockets } = await http2Origin((stream, fields) => {
      if (streams.push(stream) > 3) return hello(stream, fields);
      if (streams.length === 3) leave(sockets[0], streams[0]?.id as number, 2);
    });
    const transport = http2(url);
    const [first, ...others] = [1, 2, 3].map(() => transport.call(request("POST")));
    const fault = await faultOf(first as (typeof others)[0]);
    expect(fault).toMatchObject({ _tag: "ConnectionBroken", code: "INTERNAL_ERROR" });
    expect(fault).not.toHaveProperty("processed");
    for (const other of others) expect(await textOf(other)).toBe("hello");
  });

  test("fail as never processed after ten connections", async () => {
    const { url, sockets } = await http2Origin(() => leave(sockets.at(-1), 0));
    const transport = http2(url);
    const fault = await faultOf(transport.call(request("POST")));
    expect(fault).toMatchObject({ code: "REFUSED_STREAM", processed: false });
    expect(sockets.length).toBe(11);
    await untilIdle(transport);
  });

  test("defect: an origin that allows no streams was connected to forever", async () => {
    const { url, sockets } = await http2Origin(hello, { maxConcurrentStreams: 0 });
    const transport = http2(url);
    for (let n = 1; n <= 2; n++) {
      const fault = await faultOf(transport.call(request("POST")));
      expect(fault).toMatchObject({ _tag: "ConnectionBroken", code: "REFUSED_STREAM", processed: false });
      expect(sockets.length).toBe(n);
    }
    await untilIdle(transport);
  });

  test("are not resent after an abort", async () => {
    const streams: ServerHttp2Stream[] = [];
    const { url, sockets } = await http2Origin((stream) => streams.push(stream));
    const transport = http2(url);
    const caller = new AbortController();
    const result = transport.call(request(), caller.signal);
    await until(() => streams.length === 1);
    caller.abort();
    leave(sockets[0], 0);
    expect(await faultOf(result)).toMatchObject({ _tag: "Aborted" });
    await untilIdle(transport);
    expect(sockets.length).toBe(1);
  });
});

describe("a kept connection that breaks under a request", () => {
  async function breaking() {
    let calls = 0;
    const origin = await http2Origin((stream, fields) => {
      if (++calls === 2) (stream.session as ServerHttp2Session).destroy();
      else hello(stream, fields);
    });
    const transport = http2(origin.url);
    expect(await textOf(transport.call(request()))).toBe("hello");
    return { ...origin, transport };
  }

  test("is replaced for a safe request", async () => {
    const { transport, sessions } = await breaking();
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect(sessions.length).toBe(2);
  });

  test.each([
    ["POST", {}],
    ["GET", { body: "a" }],
  ] as const)("is broken under a %s %j", async (method, input) => {
    const { transport } = await breaking();
    const fault = await faultOf(transport.call(request(method, "/", input)));
    expect(fault).toMatchObject({ _tag: "ConnectionBroken" });
    expect(fault).not.toHaveProperty("processed");
  });
});

test.each([0, 2, 7, 8])(
  "defect: data before a reset with code %d was lost if it arrived with the headers",
  async (code) => {
    const { url } = await http2Origin((stream) => {
      stream.respond({ ":status": 200, "content-length": "10" });
      stream.write("half", () => stream.close(code));
    });
    for (let n = 0; n < 20; n++) {
      const { body } = await responseOf(http2(url).call(request()));
      let text = "";
      const isBroken = await new Promise((resolve) => {
        body.pipe({
          write: (chunk) => ((text += Buffer.from(chunk).toString()), true),
          end: () => resolve(false),
          fail: () => resolve(true),
        });
      });
      expect([text, isBroken]).toEqual(["half", true]);
    }
  },
);

test("data before a reset reaches a paused reader", async () => {
  const { url } = await http2Origin((stream) => {
    stream.respond({ ":status": 200, "content-length": "300000" });
    stream.write(Buffer.alloc(200_000), () => stream.close(2));
  });
  const result = await http2(url).call(request());
  if (!isRight(result)) throw new Error("no response");
  const ended = Promise.withResolvers<boolean>();
  let bytes = 0;
  const flow = result.right.body.pipe({
    write(chunk) {
      bytes += chunk.length;
      setImmediate(() => flow.resume());
      return false;
    },
    end: () => ended.resolve(true),
    fail: () => ended.resolve(false),
  });
  expect(await ended.promise).toBe(false);
  expect(bytes).toBe(200_000);
});
