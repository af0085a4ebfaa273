import { once } from "node:events";
import { constants } from "node:http2";
import { type HttpResponse, text } from "@pagoda/http";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { answerTo, ask, client } from "./http2-client.ts";
import { eventually, served, Wire } from "./served.ts";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Fields as never-indexed HPACK literals. */
function fields(...pairs: (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => [
      Buffer.from([0x10, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]),
  );
}

const settings = frame(4, 0, 0);
const get: (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "a"],
];
const endOfStreamAndHeaders = 0x5;

/** A server that records refused requests and calls. */
async function recording() {
  const refused: string[] = [];
  const called: string[] = [];
  const server = await served(
    ({ path }) => {
      called.push(path);
      return text("yes");
    },
    { requestRefused: (status, reason) => void refused.push(`${status} ${reason}`) },
  );
  return { server, refused, called };
}

describe("a request head over HTTP/2", () => {
  test.each([
    ["of 101 fields", Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x${at}`, "1"]))],
    ["of more than 60 KiB", { "x-large": "y".repeat(61_500) }],
    ["of more than 60 KiB in many fields", { "x-a": Array.from({ length: 90 }, () => "y".repeat(700)) }],
  ])("%s is refused with 431, and the connection stays usable", async (_name, headers) => {
    const { server, refused, called } = await recording();
    const session = client(server);
    expect((await ask(session, headers)).headers[":status"]).toBe(431);
    expect((await ask(session, {})).body).toBe("yes");
    expect(refused).toHaveLength(1);
    expect(called).toEqual(["/"]);
  });

  test("within the limits passes", async () => {
    const { server } = await recording();
    const many = Object.fromEntries(Array.from({ length: 99 }, (_, at) => [`x${at}`, "y".repeat(600)]));
    expect((await ask(client(server), many)).body).toBe("yes");
  });

  const head = (...changes: (readonly [string, string | undefined])[]): Buffer => {
    const all = new Map<string, string | undefined>([...get, ...changes]);
    return fields(...[...all].filter((pair): pair is [string, string] => pair[1] !== undefined));
  };

  test.each([
    ["a Host that differs from :authority", head(["host", "b"])],
    ["a target with a fragment", head([":path", "/a#b"])],
    ["another scheme", head([":scheme", "ftp"])],
  ])("with %s is refused with 400", async (_name, block) => {
    const { server, refused, called } = await recording();
    const wire = await Wire.to(server, preface, settings, frame(1, endOfStreamAndHeaders, 1, block));
    await eventually(() => refused.length === 1);
    expect(refused[0]).toMatch(/^400 /);
    expect(called).toEqual([]);
    wire.socket.destroy();
  });

  test.each([
    ["an upper-case name", Buffer.concat([head(), fields(["X-A", "1"])])],
    ["a connection-specific field", Buffer.concat([head(), fields(["connection", "close"])])],
    ["a Transfer-Encoding", Buffer.concat([head(), fields(["transfer-encoding", "chunked"])])],
    ["no authority", head([":authority", undefined])],
    ["an invalid authority", head([":authority", "a b"])],
    ["user information in the authority", head([":authority", "u@a"])],
    [
      "two Host fields",
      Buffer.concat([head([":authority", undefined]), fields(["host", "a"], ["host", "a"])]),
    ],
    ["an absolute target", head([":path", "http://b/"])],
    ["an invalid target", head([":path", "*"])],
    ["two methods", Buffer.concat([head(), fields([":method", "PUT"])])],
    ["an unknown pseudo-header field", head([":status", "200"])],
    ["no method", head([":method", undefined])],
    ["a Content-Length but no body", Buffer.concat([head(), fields(["content-length", "5"])])],
  ])("with %s never reaches the stack", async (_name, block) => {
    const { server, called } = await recording();
    const wire = await Wire.to(server, preface, settings, frame(1, endOfStreamAndHeaders, 1, block));
    // A second request, answered if the connection is still open.
    wire.send(
      frame(1, endOfStreamAndHeaders, 3, head([":path", "/after"])),
      frame(6, 0, 0, Buffer.alloc(8, "p")),
    );
    // The ping's acknowledgement or the close.
    await Promise.race([wire.closed, wire.until("p".repeat(8))]);
    expect(called).not.toContain("/");
    wire.socket.destroy();
  });
});

test("a field whose value has a line feed does not reach the stack, and resets its stream", async () => {
  const { server, refused, called } = await recording();
  const block = fields(...get, ["x-a", "1\nx-b: 2"], ["x-c", "3"]);
  const wire = await Wire.to(server, preface, settings, frame(1, endOfStreamAndHeaders, 1, block));
  const protocolError = Buffer.from([0, 0, 0, constants.NGHTTP2_PROTOCOL_ERROR]);
  await wire.until(frame(3, 0, 1, protocolError).toString("latin1"));
  expect([refused, called]).toEqual([['400 invalid value of field "x-a"'], []]);
  wire.socket.destroy();
});

describe("a hostile HTTP/2 client", () => {
  test("that keeps cancelling its requests is cut off (CVE-2023-44487)", async () => {
    const { server, called } = await recording();
    const wire = await Wire.to(server, preface, settings);
    wire.socket.on("error", () => {});
    const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
    const block = fields(...get);
    for (let at = 0; at < 5_000 && !wire.socket.destroyed; at++)
      wire.send(frame(1, endOfStreamAndHeaders, 2 * at + 1, block), frame(3, 0, 2 * at + 1, cancel));
    await wire.closed;
    // Node allows a thousand, plus what arrives in the same chunk.
    expect(called.length).toBeLessThan(2_500);
    await eventually(() => server.connections === 0 && server.inFlight === 0);
  });

  test("with an endless head is cut off (CVE-2024-28182)", async () => {
    const { server, called } = await recording();
    const wire = await Wire.to(server, preface, settings, frame(1, 0x1, 1, fields(...get)));
    const more = fields(["x-a", "y".repeat(100)]);
    for (let at = 0; at < 5_000 && !wire.socket.destroyed; at++) wire.send(frame(9, 0, 1, more));
    await wire.closed;
    expect(called).toEqual([]);
  });

  test("that does not read its ping acknowledgements is cut off", async () => {
    const { server } = await recording();
    const wire = await Wire.to(server, preface, settings);
    wire.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame(6, 0, 0, Buffer.alloc(8))));
    let isOver = false;
    wire.socket.on("error", () => (isOver = true)).on("close", () => (isOver = true));
    // Up to 17 GB of acknowledgements, more than a server could buffer.
    for (let at = 0; at < 2_000 && !isOver; at++) {
      wire.send(pings);
      await settled();
    }
    await eventually(() => server.connections === 0);
  });

  test("cannot have more than 100 requests in flight", async () => {
    let most = 0;
    const server = await served(() => new Promise(() => {}));
    const session = client(server);
    await once(session, "remoteSettings");
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
    for (let at = 0; at < 150; at++) session.request({}).on("error", () => {});
    await eventually(() => {
      most = Math.max(most, server.inFlight);
      return server.inFlight === 100;
    });
    for (let turn = 0; turn < 20; turn++) await settled();
    expect(server.inFlight).toBe(100);
    expect(most).toBe(100);
  });

  test("that does not read one stream delays that stream only", async () => {
    const server = await served(({ path }) => text(path === "/" ? "yes" : "y".repeat(4_000_000)));
    const session = client(server);
    const stream = session.request({ ":path": "/long" });
    stream.pause();
    await once(stream, "response");
    expect((await ask(session, {})).body).toBe("yes");
    const whole = answerTo(stream);
    stream.resume();
    expect((await whole).body).toHaveLength(4_000_000);
  });
});

describe("defect: after a client's GOAWAY and a protocol error, Node stopped reading and never saw the close", () => {
  const head = fields(...get);
  const goaway = frame(7, 0, 0, new Uint8Array(8));
  const protocolError = frame(0, 1, 3, new Uint8Array(8));

  test("the connection is closed within two checks, and its calls are aborted", async () => {
    const clock = virtualClock();
    let aborted = false;
    const server = await served(
      (_request, signal) => {
        signal.addEventListener("abort", () => (aborted = true));
        return new Promise(() => {});
      },
      { clock },
    );
    const wire = await Wire.to(server, preface);
    wire.socket.write(Buffer.concat([settings, frame(1, endOfStreamAndHeaders, 1, head), goaway]));
    await eventually(() => server.inFlight === 1);
    wire.socket.write(protocolError);
    await wire.until("\0");
    wire.socket.destroy();
    await clock.advance(30_000);
    await clock.advance(30_000);
    await eventually(() => server.connections === 0 && server.inFlight === 0);
    expect(aborted).toBe(true);
  });

  test("a connection without an error lasts as long as its calls", async () => {
    const clock = virtualClock();
    let answer = (): void => {};
    const late = new Promise<HttpResponse>((resolve) => (answer = () => resolve(text("late"))));
    const server = await served(({ path }) => (path === "/" ? late : text("quick")), { clock });
    const session = client(server);
    const asked = ask(session, {});
    await eventually(() => server.inFlight === 1);
    session.goaway();
    // A round trip on another connection: what was sent before it has been read.
    const another = client(server);
    const roundTrip = () => ask(another, { ":path": "/quick" });
    await roundTrip();
    for (let checks = 0; checks < 5; checks++) {
      const settings = once(session, "remoteSettings");
      await clock.advance(30_000);
      await settings;
      await roundTrip();
    }
    answer();
    expect((await asked).body).toBe("late");
  });
});

test("a client at the limit may open one stream for each that it resets", async () => {
  let calls = 0;
  const server = await served(() => {
    calls++;
    return new Promise(() => {});
  });
  const session = client(server);
  await once(session, "remoteSettings");
  const open = (): ReturnType<typeof session.request> => session.request({}).on("error", () => {});
  const first = Array.from({ length: 100 }, open);
  await eventually(() => server.inFlight === 100);
  for (const stream of first.slice(0, 5)) stream.close(constants.NGHTTP2_CANCEL);
  const more = Array.from({ length: 5 }, open);
  await eventually(() => calls - first.length + more.filter(({ closed }) => closed).length === more.length);
  expect(more.map(({ rstCode }) => rstCode)).toEqual([0, 0, 0, 0, 0]);
});
