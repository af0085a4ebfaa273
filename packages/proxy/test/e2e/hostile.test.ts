import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { askRaw, dataFrame, type FieldPairs, fieldsFrame, rawHttp2Server } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anywhere, configured, Folder } from "./configured.ts";
import { listen, rawOrigin } from "./origin.ts";

/** Names with a meaning for HTTP, and invalid ones. */
const names: readonly string[] = [
  "te etag ETag connection keep-alive upgrade http2-settings host expect date content-length age via",
  "transfer-encoding trailer set-cookie cookie proxy-connection grpc-status grpc-message content-type",
  "sec-websocket-key sec-websocket-accept x-forwarded-for traceparent retry-after constructor __proto__",
]
  .flatMap((line) => line.split(" "))
  .concat(":status", ":path", "a b", "");
const values: readonly string[] = ["a gzip trailers chunked 0 2 5 -1 100-continue close h2c websocket"]
  .flatMap((line) => line.split(" "))
  .concat("", "1, 2", "\u007f", "\u00ff", "a\tb", " x ", "99999999999999999999", "\n", "x\r\ny: z");

const fields = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...values)), {
  maxLength: 4,
});
const request = fc.record({
  http2: fc.boolean(),
  path: fc.constantFrom("/http1", "/http2"),
  method: fc.constantFrom("GET", "POST", "HEAD", "CONNECT"),
  fields: fc.oneof(fc.constant([]), fields),
  trailers: fields,
});
const response = fc.record({
  information: fc.array(fc.tuple(fc.constantFrom("100", "102", "103"), fields), { maxLength: 2 }),
  status: fc.constantFrom("200", "200", "204", "304", "404", "500"),
  fields,
  isChunked: fc.boolean(),
  trailers: fields,
});
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;
type Response = typeof response extends fc.Arbitrary<infer T> ? T : never;

const lines = (all: FieldPairs): string => all.map(([name, value]) => `${name}: ${value}\r\n`).join("");

/** As HTTP/1.1, closing the connection. */
function answerText({ information, status, fields, isChunked, trailers }: Response): string {
  const before = information.map(([code, more]) => `HTTP/1.1 ${code} x\r\n${lines(more)}\r\n`).join("");
  const body = isChunked
    ? `transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${lines(trailers)}\r\n`
    : "content-length: 2\r\n\r\nok";
  return `${before}HTTP/1.1 ${status} x\r\n${lines(fields)}${body}`;
}

function answerFrames(
  { information, status, fields, isChunked, trailers }: Response,
  stream: number,
): Buffer[] {
  const head = (code: string, more: FieldPairs): Buffer =>
    fieldsFrame(stream, [[":status", code], ...more], false);
  return [
    ...information.map(([code, more]) => head(code, more)),
    head(status, fields),
    dataFrame(stream, "ok", !isChunked),
    ...(isChunked ? [fieldsFrame(stream, trailers, true)] : []),
  ];
}

function requestText({ path, method, fields, trailers }: Request): string {
  const isBodiless = method === "GET" || method === "HEAD";
  const line = method === "CONNECT" ? "CONNECT a:1 HTTP/1.1" : `${method} ${path} HTTP/1.1`;
  const body = isBodiless
    ? "\r\n"
    : `transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${lines(trailers)}\r\n`;
  return `${line}\r\nhost: a\r\nconnection: close\r\n${lines(fields)}${body}`;
}

function requestFrames({ path, method, fields, trailers }: Request): Buffer[] {
  const tunnel: FieldPairs = method === "CONNECT" ? [[":protocol", "websocket"]] : [];
  const pseudo: FieldPairs = [
    [":method", method],
    [":scheme", "http"],
    [":authority", "a"],
    [":path", path],
    ...tunnel,
  ];
  const isBodiless = method === "GET" || method === "HEAD";
  const head = fieldsFrame(1, [...pseudo, ...fields], isBodiless);
  return isBodiless ? [head] : [head, dataFrame(1, "ok", false), fieldsFrame(1, trailers, true)];
}

/** Settles when the response has ended, properly or not. */
async function asked(url: string, each: Request): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  if (each.http2) await askRaw(socket, requestFrames(each));
  else {
    const ended = once(socket.on("error", () => {}).resume(), "close");
    socket.write(requestText(each), "latin1");
    await ended;
  }
  socket.destroy();
}

test("arbitrary fields from either side neither hang a call, end a worker nor count as a defect", async () => {
  let answer: Response = { information: [], status: "200", fields: [], isChunked: false, trailers: [] };
  await using http1 = await rawOrigin((socket: Socket) => {
    socket.once("data", () => socket.end(answerText(answer), "latin1"));
  });
  await using http2 = await listen(rawHttp2Server((stream) => answerFrames(answer, stream)));
  using folder = new Folder();
  const route = (name: string) => ({
    name,
    match: { path: `/${name}` },
    cluster: name,
    policies: { timeout: "1s" },
  });
  await using pagoda = await configured(folder, {
    listeners: [{ ...anywhere, name: "main", routes: [route("http1"), route("http2")] }],
    clusters: { http1: { endpoints: [http1.url] }, http2: { endpoints: [http2.url], protocol: "http2" } },
  });
  await fc.assert(
    fc.asyncProperty(request, response, async (each, next) => {
      answer = next;
      await asked(pagoda.url, each);
    }),
    { numRuns: 1_000 },
  );
  expect(await pagoda.metric("http_requests_total")).toBeGreaterThan(500);
  expect(await pagoda.metric("pagoda_worker_restarts_total")).toBe(0);
  expect(pagoda.logs.filter(({ msg }) => /defect|worker/.test(msg))).toEqual([]);
});
