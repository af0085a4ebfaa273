import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type BodyBroken, type HttpRequest, type HttpResponse, text } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { Sink } from "../bodies.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

const chunked = "Transfer-Encoding: chunked";
const none = "0\r\n\r\n";

/** A POST with these fields and this body. */
const post = (body: string, ...fields: string[]) => head("POST /", ...fields) + body;
/** A GET whose only field is this Host. */
const host = (value: string) => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`;
const line = (line: string) => `${line}\r\nHost: a\r\n\r\n`;

const refused: [status: number, name: string, bytes: string][] = [
  // Body length (RFC 9112, 6).
  [400, "Content-Length before Transfer-Encoding", post(none, "Content-Length: 5", chunked)],
  [400, "Content-Length after Transfer-Encoding", post(none, chunked, "Content-Length: 5")],
  [400, "two different Content-Lengths", post("hello", "Content-Length: 5", "Content-Length: 6")],
  [400, "two equal Content-Lengths", post("hello", "Content-Length: 5", "Content-Length: 5")],
  [400, "Content-Length with plus", post("hello", "Content-Length: +5")],
  [400, "Content-Length with minus", post("hello", "Content-Length: -5")],
  [400, "Content-Length with a space", post("hello", "Content-Length: 5 5")],
  [400, "a list as Content-Length", post("hello", "Content-Length: 5, 5")],
  [400, "a hexadecimal Content-Length", post("hello", "Content-Length: 0x5")],
  [400, "an empty Content-Length", post("hello", "Content-Length:")],
  [400, "an empty Content-Length before a full one", post("hello", "Content-Length: ", "Content-Length: 5")],
  [400, "a Content-Length over 2^64", post("hello", "Content-Length: 18446744073709551617")],
  [501, "gzip, chunked", post(none, "Transfer-Encoding: gzip, chunked")],
  [501, "xchunked", post(none, "Transfer-Encoding: xchunked")],
  [501, "identity", post("", "Transfer-Encoding: identity")],
  [501, "chunked with a parameter", post(none, "Transfer-Encoding: chunked;a=b")],
  [501, "chunked in quotes", post(none, 'Transfer-Encoding: "chunked"')],
  [501, "chunked after an empty element", post(none, "Transfer-Encoding: ,chunked")],
  [400, "chunked, chunked", post(none, "Transfer-Encoding: chunked, chunked")],
  [400, "chunked, identity", post(none, "Transfer-Encoding: chunked, identity")],
  [400, "chunked after a vertical tab", post(none, "Transfer-Encoding: \x0bchunked")],
  [400, "an empty Transfer-Encoding", post(none, "Transfer-Encoding:")],
  [400, "Transfer-Encoding twice", post(none, chunked, chunked)],
  [400, "Transfer-Encoding twice, the second hidden", post(none, chunked, "Transfer-encoding: identity")],
  [400, "Transfer-Encoding in HTTP/1.0", head("POST / HTTP/1.0", chunked) + none],

  // Host (RFC 9112, 3.2).
  [400, "no Host", "GET / HTTP/1.1\r\n\r\n"],
  [400, "two different Hosts", head("GET /", "Host: b")],
  [400, "two equal Hosts", head("GET /", "host: a")],
  ...["a b", "a/b", "a@b", "a:port", "a:1:2", "[::1", "::1", "[x]", "a?b", "a#b", "a\\b", ":80", "\xe9"].map(
    (value): [number, string, string] => [400, `the Host ${value}`, host(value)],
  ),

  // Lines (RFC 9112, 2.2, 3 and 5).
  [400, "space before the colon", head("GET /", "X : a")],
  [400, "space before the colon of Host", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  [400, "bare LF throughout", "GET / HTTP/1.1\nHost: a\n\n"],
  [400, "bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"],
  [400, "bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"],
  [400, "bare CR throughout", "GET / HTTP/1.1\rHost: a\r\r"],
  [400, "bare CR in a value", head("GET /", "X: a\rb")],
  [400, "bare CR between fields", head("GET /", "X: a\rY: b")],
  [400, "a folded line", head("GET /", "X: a\r\n b")],
  [400, "a folded Transfer-Encoding", post(none, "Transfer-Encoding:\r\n chunked")],
  [400, "a folded first line", "GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n"],
  [400, "NUL in a value", head("GET /", "X: a\0b")],
  [400, "a control character in a value", head("GET /", "X: a\x01b")],
  [400, "a name that is not a token", head("GET /", "X(y): b")],
  [400, "a name that is not ASCII", head("GET /", "X\xe9: b")],
  [400, "no name", head("GET /", ": b")],
  [400, "no colon", head("GET /", "X")],
  [400, "space before the method", line(" GET / HTTP/1.1")],
  [400, "a tab after the method", line("GET\t/ HTTP/1.1")],
  [400, "space in the target", line("GET /a b HTTP/1.1")],
  [400, "space after the version", line("GET / HTTP/1.1 ")],
  [400, "a lower-case method", line("get / HTTP/1.1")],

  // Versions.
  [505, "HTTP/0.9 without a version", "GET /\r\n\r\n"],
  [505, "HTTP/0.9", line("GET / HTTP/0.9")],
  [505, "HTTP/2.0", line("GET / HTTP/2.0")],
  [400, "HTTP/1.10", line("GET / HTTP/1.10")],
  [400, "http/1.1", line("GET / http/1.1")],
  [400, "the HTTP/2 preface with a wrong last byte", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r "],

  // Targets.
  ...["\t", "\f", "\x01", "\x7f", "\xe9", "\0"].map((character): [number, string, string] => {
    return [400, `${JSON.stringify(character)} in the target`, line(`GET /a${character}b HTTP/1.1`)];
  }),
  [400, "a fragment", head("GET /a#b")],
  [400, "a fragment after a query", head("GET /a?b#c")],
  [400, "a fragment in absolute form", head("GET http://b/a#c")],
  [400, "user information", head("GET http://user:secret@b/")],
  [400, "no authority in absolute form", head("GET http:///a")],
  [400, "only a port in absolute form", head("GET http://:80/a")],
  [400, "another scheme", head("GET ftp://b/")],
  [400, "* for a method other than OPTIONS", head("GET *")],
  [400, "* with more", head("OPTIONS *a")],
  [400, "authority form", head("GET b:80")],
  [400, "an address in authority form", head("GET 127.0.0.1:80")],
  [400, "a path without a slash", head("GET a")],
  [400, "only a query", head("GET ?a")],
  [400, "CONNECT with a Content-Length", head("CONNECT b:80", "Content-Length: 5")],
  [400, "CONNECT to a host without a port", head("CONNECT b")],
  [400, "CONNECT to a path", head("CONNECT /b")],
  [400, "CONNECT to a URL", head("CONNECT http://b:80/")],

  // Size.
  [431, "more than 100 fields", head("GET /", ...Array.from({ length: 100 }, () => "X: y"))],
  [431, "fields of more than 60 KiB", head("GET /", `X: ${"y".repeat(61_440)}`)],
  [414, "a method of more than 60 KiB", line(`${"M".repeat(61_440)} / HTTP/1.1`)],
  [414, "a target of more than 60 KiB", head(`GET /${"y".repeat(61_440)}`)],
];

describe("a malformed or ambiguous request", () => {
  test.each(refused)("is refused with %d: %s", async (status, _name, bytes) => {
    const called: HttpRequest[] = [];
    const seen: number[] = [];
    const server = await served((request) => (called.push(request), text("never")), {
      requestRefused: (status) => seen.push(status),
    });
    const wire = await Wire.to(server, bytes);
    expect(statuses(await wire.rest())).toEqual([status]);
    expect(await wire.closed).toBe("end");
    expect(wire.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(called).toEqual([]);
    expect(seen).toEqual([status]);
    await eventually(() => server.connections === 0);
    expect(server.inFlight).toBe(0);
  });

  const good: [name: string, bytes: string][] = [
    ["space after a value", post("hello", "Content-Length: 5 \t ")],
    ["zeros before a length", post("hello", "Content-Length: 0005")],
    ["an upper-case CHUNKED", post(`5\r\nhello\r\n${none}`, "Transfer-Encoding: CHUNKED ")],
    ["chunk extensions", post(`5;a=b\r\nhello\r\n${none}`, chunked)],
    ["empty lines before the request", `\r\n\r\n${post("hello", "Content-Length: 5")}`],
    // RFC 9112, 3 allows splitting the line at any whitespace; what is forwarded has single spaces.
    ["several spaces in the first line", post("hello", "Content-Length: 5").replace(" / ", "  /  ")],
    ["a method unknown to RFC 9110", post("hello", "Content-Length: 5").replace("POST", "MIS-CHIEF_1")],
    // RFC 9110, 2.5: read as the highest minor version that the recipient supports.
    ["HTTP/1.2", post("hello", "Content-Length: 5").replace("HTTP/1.1", "HTTP/1.2")],
    ["100 fields", post("hello", "Content-Length: 5", ...Array.from({ length: 98 }, () => "X: y"))],
    ["an empty Host", post("hello", "Content-Length: 5").replace("Host: a", "Host:")],
    ["an IPv6 Host", post("hello", "Content-Length: 5").replace("Host: a", "Host: [::1]:80")],
  ];

  test.each(good)("does not include %s", async (_name, bytes) => {
    const server = await served(async ({ body, path }) => {
      const all = await body.text();
      return text(`${path} ${all._tag === "Right" ? all.right : "broken"}`);
    });
    const wire = await Wire.to(server, bytes);
    expect(await wire.until("/ hello")).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});

const malformed: [name: string, body: string][] = [
  ["an invalid size", "z\r\n\r\n"],
  ["a size with 0x", `0x5\r\nhello\r\n${none}`],
  ["a size with minus", `-5\r\nhello\r\n${none}`],
  ["space before the size", ` 5\r\nhello\r\n${none}`],
  ["space after the size", `5 \r\nhello\r\n${none}`],
  ["no size", `\r\nhello\r\n${none}`],
  ["a size over 2^64", `10000000000000005\r\nhello\r\n${none}`],
  ["an extension with LF", `5;a\nb\r\nhello\r\n${none}`],
  ["an extension with CR", `5;a\rb\r\nhello\r\n${none}`],
  ["a quoted extension with LF", `5;a="\n"\r\nhello\r\n${none}`],
  ["bare LF after the size", `5\nhello\r\n${none}`],
  ["bare LF after the data", `5\r\nhello\n${none}`],
  ["bare LF at the end", "5\r\nhello\r\n0\r\n\n"],
  ["more data than announced", `5\r\nhelloX\r\n${none}`],
  ["a folded trailer", "5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n"],
  ["a Content-Length as trailer", "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"],
  ["a Transfer-Encoding as trailer", `5\r\nhello\r\n0\r\n${chunked}\r\n\r\n`],
  ["defect: extensions that outweigh the data", `1;a=${"b".repeat(1_000)}\r\nx\r\n`.repeat(17) + none],
  ["endless trailers", `0\r\n${"A: b\r\n".repeat(40_000)}\r\n`],
];

describe("a malformed chunked body", () => {
  test.each(malformed)("fails the body and closes the connection: %s", async (_name, body) => {
    let sink: Sink | undefined;
    let fault: BodyBroken | undefined;
    const called: string[] = [];
    const server = await served(async (request) => {
      called.push(request.method);
      const reading = (sink = Sink.on(request.body));
      await eventually(() => reading.ends.length > 0);
      fault = reading.fault;
      return text("late");
    });
    const wire = await Wire.to(server, post(body, chunked) + head("GET /smuggled"));
    expect(statuses(await wire.rest())).toEqual([body.length > 61_440 ? 431 : 400]);
    await eventually(() => server.inFlight === 0);
    await eventually(() => fault !== undefined);
    expect(sink?.ends).toEqual(["fail"]);
    expect(called).toEqual(["POST"]);
  });

  test("defect: is refused after the responses to earlier requests", async () => {
    const answer = Promise.withResolvers<HttpResponse>();
    const called: string[] = [];
    const server = await served(({ path }) => {
      called.push(path);
      return answer.promise;
    });
    const body = `z\r\n${"x".repeat(10_000)}`;
    // In one piece: the first request is in flight when the second arrives.
    const wire = await Wire.to(server, head("GET /a") + post(body, chunked));
    await eventually(() => called.length > 0);
    answer.resolve(text("first"));
    // A reset would discard what the client has not read yet.
    expect(await wire.closed).toBe("end");
    expect(statuses(wire.text)).toEqual([200, 400]);
    expect(called).toEqual(["/a"]);
    await eventually(() => server.connections === 0 && server.inFlight === 0);
  });

  test("gets no error response once the response has begun", async () => {
    const server = await served(({ body }) => ({ ...text(""), body }));
    const wire = await Wire.to(server, post("5\r\nhello\r\n", chunked));
    await wire.until("hello");
    wire.send("z\r\n");
    expect(statuses(await wire.rest())).toEqual([200]);
    expect(wire.text).not.toMatch(/0\r\n\r\n$/);
  });
});

test("an ambiguous request is refused even with --insecure-http-parser", async () => {
  const script = fileURLToPath(new URL("insecure.ts", import.meta.url));
  const child = spawn(process.execPath, ["--insecure-http-parser", script]);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const wire = await Wire.to(
    { host: "127.0.0.1", port: Number(line) },
    post(none, "Content-Length: 5", chunked),
  );
  const all = await wire.rest();
  child.kill();
  expect(statuses(all)).toEqual([400]);
});
