import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { Arrivals, listen, type Origin } from "./origin.ts";

/** A message's fields without those that a proxy adds or must not forward. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** A request as the origin saw it. */
export interface Seen {
  readonly line: string;
  readonly fields: Fields;
  readonly framing: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

export const large = randomBytes(3 * 1_048_576);
const small = Buffer.from("0123456789".repeat(20));
export const squeezed = gzipSync("squeezed");
export const hash = (bytes: Uint8Array): string =>
  `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;

/**
 * Fields whose position and case depend on the connection; their values are compared separately.
 */
const framingNames = new Set(["host", "content-length", "transfer-encoding", "expect"]);
/** Connection fields, fields set by `forwarded`, and the changing time. */
const proxyNames =
  /^(?:connection|keep-alive|te|trailer|via|x-request-id|x-forwarded-(?:for|proto|host)|date)$/i;

/** Fields in order and case, with separate ones for routing and framing. */
export function fieldsOf(raw: Fields): { readonly fields: Fields; readonly framing: readonly string[] } {
  const framing = raw.filter(([name]) => framingNames.has(name.toLowerCase()));
  return {
    fields: raw.filter(([name]) => !framingNames.has(name.toLowerCase()) && !proxyNames.test(name)),
    framing: framing.map(([name, value]) => `${name.toLowerCase()}: ${value.toLowerCase()}`).toSorted(),
  };
}

function pairs(flat: readonly string[]): Fields {
  return Array.from({ length: flat.length / 2 }, (_, i) => [
    flat[2 * i] as string,
    flat[2 * i + 1] as string,
  ]);
}

/** An origin that behaves as the path asks and reports what it has seen. */
export function versatile(seen: Arrivals<Seen>): Promise<Origin> {
  const server = createServer((request, response) => void serve(request, response, seen));
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    if (request.url !== "/refuses-upload") response.writeContinue();
    void serve(request, response, seen);
  });
  return listen(server);
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  seen: Arrivals<Seen>,
): Promise<void> {
  const { method, url, httpVersion, rawHeaders } = request;
  const chunks: Buffer[] = [];
  if (url !== "/refuses-upload") for await (const chunk of request) chunks.push(chunk as Buffer);
  seen.add({
    line: `${method} ${url} ${httpVersion}`,
    ...fieldsOf(pairs(rawHeaders)),
    body: hash(Buffer.concat(chunks)),
    trailers: request.rawTrailers,
  });
  const end = (status: number, headers: readonly string[] = [], body?: Uint8Array | string): void => {
    response.writeHead(status, headers as string[]);
    response.end(body);
  };
  switch (url) {
    case "/fields":
      return end(
        200,
        [
          "X-Mixed-CASE",
          "One",
          "set-cookie",
          "a=1; Path=/",
          "x-mixed-case",
          "two",
          "Set-Cookie",
          "b=2",
          "X-Latin",
          "\xe9t\xe9",
          "X-Empty",
          "",
        ],
        "fields",
      );
    case "/204":
      return end(204, ["X-Empty", "yes"]);
    case "/304":
      return request.headers["if-none-match"] === '"v1"'
        ? end(304, ["ETag", '"v1"', "Cache-Control", "max-age=60"])
        : end(200, ["ETag", '"v1"'], "version 1");
    case "/file":
      return range(request, end);
    case "/known-length":
      return end(200, ["Content-Length", String(large.length)], large);
    case "/chunked":
      response.writeHead(200, ["Content-Type", "text/plain"]);
      response.write("one,");
      response.write("two,");
      return void response.end("three");
    case "/trailers":
      response.writeHead(200, ["Trailer", "X-Sum, X-Count"]);
      response.write("body");
      response.addTrailers([
        ["X-Sum", "abc"],
        ["X-Count", "4"],
      ]);
      return void response.end();
    case "/103":
      response.writeEarlyHints({ link: "</a.css>; rel=preload" });
      return end(200, ["Content-Type", "text/html"], "<p>hinted</p>");
    case "/gzip":
      return end(200, ["Content-Encoding", "gzip", "Content-Length", `${squeezed.length}`], squeezed);
    case "/299":
      response.writeHead(299, "Quite All Right", ["X-Odd", "yes"]);
      return void response.end("odd");
    case "/599":
      return end(599, [], "five ninety-nine");
    case "/redirect":
      return end(302, ["Location", "/elsewhere?a=b", "Content-Length", "0"]);
    case "/refuses-upload":
      return end(417, ["Content-Type", "text/plain"], "not this one");
    default:
      return end(200, ["Content-Type", "text/plain"], `${method} ${url}`);
  }
}

function range(
  { headers }: IncomingMessage,
  end: (status: number, headers: readonly string[], body?: Uint8Array) => void,
): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  if (from === undefined)
    return end(200, ["Accept-Ranges", "bytes", "Content-Length", `${small.length}`], small);
  const first = Number(from);
  if (first >= small.length) return end(416, ["Content-Range", `bytes */${small.length}`]);
  const last = to === "" ? small.length - 1 : Number(to);
  end(206, ["Content-Range", `bytes ${first}-${last}/${small.length}`], small.subarray(first, last + 1));
}
