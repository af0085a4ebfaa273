import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { askRaw, type FieldPairs, fieldsFrame, rawHttp2Server } from "@pagoda/http/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Wire } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { listen, type Origin, origin } from "./origin.ts";
import type { Pagoda } from "./program.ts";

/** An origin that echoes what it received, trailers included, and sends trailers itself. */
async function teller(): Promise<Origin> {
  return origin((message, out) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      out.writeHead(200, { trailer: "x-sum" });
      out.write(JSON.stringify({ fields: message.rawHeaders, trailers: message.rawTrailers }));
      out.addTrailers({
        "x-sum": "1",
        "set-cookie": "a=b",
        "x-forwarded-for": "192.0.2.1",
        connection: "close",
        location: "/",
      });
      out.end();
    });
  });
}

let folder: Folder;
let upstream: Origin;
let pagoda: Pagoda;

beforeAll(async () => {
  folder = new Folder();
  upstream = await teller();
  pagoda = await configured(folder, through({ endpoints: [upstream.url] }));
});

afterAll(async () => {
  for (const each of [pagoda, upstream]) await each?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

const forged = [
  ["X-Forwarded-For", "192.0.2.1"],
  ["X_Forwarded_For", "192.0.2.1"],
  ["X-Forwarded-Client-Cert", "Subject=CN=admin"],
  ["Host", "internal"],
  ["Authorization", "Bearer x"],
  ["Cookie", "a=b"],
  ["Connection", "close"],
  ["X-Request-Id", "a"],
  ["Content-Type", "text/html"],
] as const;

describe("trailers", () => {
  test("over HTTP/1.1 lose forbidden fields, in requests and responses", async () => {
    using wire = new Wire(pagoda.url);
    const lines = [...forged, ["X-Sum", "7"]].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.send(`1\r\na\r\n0\r\n${lines}\r\n`);
    await wire.receives("\r\n0\r\n");
    await wire.receives("x-sum: 1\r\n\r\n");
    expect(wire.text).toContain('"trailers":["X-Sum","7"]');
    expect(wire.text.split("\r\n0\r\n")[1]).toBe("x-sum: 1\r\n\r\n");
  });

  test("over HTTP/2 lose forbidden fields, too", async () => {
    const session = connectHttp2(pagoda.url);
    const stream = session.request({ ":method": "POST" }, { waitForTrailers: true });
    const fields = Object.fromEntries(
      forged.map(([name, value]) => [name.toLowerCase(), value]).filter(([name]) => name !== "connection"),
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ ...fields, "x-sum": "7" }));
    stream.end("a");
    const trailers = once(stream, "trailers");
    let body = "";
    for await (const chunk of stream) body += String(chunk);
    expect(JSON.parse(body)).toMatchObject({ trailers: ["x-sum", "7"] });
    expect(Object.entries(((await trailers) as [object])[0])).toEqual([["x-sum", "1"]]);
    session.destroy();
  });

  test("of more than 100 fields fail the request", async () => {
    using wire = new Wire(pagoda.url);
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.send(`1\r\na\r\n0\r\n${"a: b\r\n".repeat(101)}\r\n`);
    await wire.receives("\r\n\r\n");
    expect(wire.text).toMatch(/^HTTP\/1\.1 4/);
  });
});

test("fields that resemble a proxy's, with underscores, do not reach an origin", async () => {
  using wire = new Wire(pagoda.url);
  const lines = forged.slice(1).map(([name, value]) => `${name.replaceAll("-", "_")}: ${value}\r\n`);
  wire.send(
    `GET / HTTP/1.1\r\nHost: a\r\nuser_id: 7\r\n${lines.filter((line) => line.includes("_")).join("")}\r\n`,
  );
  await wire.receives("x-sum: 1\r\n\r\n");
  expect(wire.text).toContain('"user_id","7"');
  expect(wire.text.match(/"\w+_\w+"/g)).toEqual(['"user_id"']);
});

/** Sends these fields and returns the reset code and the metric of refused requests. */
async function asked(fields: FieldPairs): Promise<number | undefined> {
  const { hostname, port } = new URL(pagoda.url);
  const socket = connect(Number(port), hostname);
  const head: FieldPairs = [
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", "a"],
    [":path", "/"],
  ];
  const code = await askRaw(socket, [fieldsFrame(1, [...head, ...fields], true)]);
  socket.destroy();
  return code;
}

const protocolError = 1;

describe("an HTTP/2 request is reset", () => {
  test.each<[string, FieldPairs]>([
    ["a space before a value", [["x-a", " b"]]],
    ["a tab after a value", [["x-a", "b\t"]]],
    ["an upper-case name", [["X-A", "b"]]],
    ["a connection-specific field", [["connection", "close"]]],
    ["a transfer coding", [["transfer-encoding", "chunked"]]],
    ["an unknown pseudo-header field", [[":a", "b"]]],
    [
      "a pseudo-header field after others",
      [
        ["x-a", "b"],
        [":path", "/b"],
      ],
    ],
  ])("with %s", async (_name, fields) => {
    expect(await asked(fields)).toBe(protocolError);
    expect(await asked([["x-a", "b"]])).toBeUndefined();
  });

  test.each<[string, FieldPairs]>([
    ["a line feed in a value", [["x-a", "b\r\nc: d"]]],
    ["a NUL in a value", [["x-a", "b\0"]]],
    ["a control character in a value", [["x-a", "\x01"]]],
    ["a space in a name", [["x a", "b"]]],
    ["a line feed in a name", [["x-a\n", "b"]]],
    ["no name", [["", "b"]]],
  ])("with %s", async (_name, fields) => {
    expect(await asked(fields)).toBe(protocolError);
  });
});

describe("from an HTTP/2 origin,", () => {
  const answer = (...fields: FieldPairs): Promise<Origin> =>
    listen(rawHttp2Server((stream) => [fieldsFrame(stream, [[":status", "200"], ...fields], true)]));

  test.each<[string, FieldPairs, number]>([
    ["spaces around a field make the response malformed", [["x-a", " b"]], 502],
    ["a line break in a value makes the response malformed", [["x-a", "b\r\nc: d"]], 502],
    ["a NUL in a value makes the response malformed", [["x-a", "b\0"]], 502],
    ["a control character in a value makes the response malformed", [["x-a", "\x01"]], 502],
    ["a space in a name makes the response malformed", [["x a", "b"]], 502],
    ["a line feed in a name makes the response malformed", [["x-a\n", "b"]], 502],
    ["a field without a name makes the response malformed", [["", "b"]], 502],
    ["a valid response passes, and Via has the protocol", [["x-a", "b"]], 200],
  ])("%s", async (_name, fields, status) => {
    await using behind = await answer(...fields);
    using own = new Folder();
    await using proxy = await configured(own, through({ endpoints: [behind.url], protocol: "http2" }));
    const { status: got, headers } = await fetch(proxy.url);
    expect([got, headers.get("via")]).toEqual([status, status === 200 ? "2 pagoda" : "1.1 pagoda"]);
  });
});
