// The parser of Node's own HTTP server, llhttp, without its lenient flags. It is reached below
// `node:http`, because a server and a socket for each of millions of inputs would take hours.
// @ts-expect-error: has no types.
import common from "node:_http_common";
import { type Reading, type ReadRequest, valuesOf } from "./reading.ts";

interface Parser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | (Error & { readonly code: string; readonly reason: string });
  [event: number]: (...args: never[]) => unknown;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
  readonly kLenientNone: number;
}

const { HTTPParser, methods } = common as {
  readonly HTTPParser: ParserClass;
  readonly methods: readonly string[];
};

/** The methods that llhttp knows; it refuses all others. */
export const knownMethods: ReadonlySet<string> = new Set(methods);
/** The same by the number that llhttp gives them. */
const numbered = new Map<number, string>();

const maxHeaderSize = 1_048_576;
const parser = new HTTPParser();
let result: Reading;
let latest: ReadRequest | undefined;
/** Fields of a head, or trailers, that do not come with their event. */
let fields: string[] = [];
let target = "";

parser[HTTPParser.kOnHeaders] = (some: readonly string[], url: string): void => {
  fields.push(...some);
  target += url;
};
parser[HTTPParser.kOnHeadersComplete] = (
  _major: number,
  minor: number,
  some: readonly string[] | undefined,
  method: number,
  url: string | undefined,
  _status: number,
  _phrase: string,
  isUpgrade: boolean,
  keepsAlive: boolean,
): number => {
  const all = some ?? fields;
  const name = numbered.get(method) as string;
  latest = {
    method: name,
    ...partsOf(name, url ?? target, all),
    minor,
    persists: keepsAlive,
    body: "",
    trailers: [],
    tunnel: "",
    isComplete: false,
    isTunnel: isUpgrade && opensTunnel(name, minor, all),
  };
  result.requests.push(latest);
  fields = [];
  target = "";
  return 0;
};
parser[HTTPParser.kOnBody] = (chunk: Buffer): void => {
  if (latest !== undefined) latest.body += chunk.toString("latin1");
};
parser[HTTPParser.kOnMessageComplete] = (): void => {
  if (latest === undefined) return;
  latest.trailers = fields;
  latest.isComplete = true;
  fields = [];
  target = "";
};

for (const method of methods) {
  const prober = new HTTPParser();
  prober.initialize(HTTPParser.REQUEST, {}, maxHeaderSize, HTTPParser.kLenientNone);
  prober[HTTPParser.kOnHeadersComplete] = (...[, , , number]: [number, number, unknown, number]): void => {
    numbered.set(number, method);
  };
  prober.execute(Buffer.from(`${method} ${method === "CONNECT" ? "a:80" : "/"} HTTP/1.1\r\nHost: a\r\n\r\n`));
}

/** Reads bytes with llhttp. */
export function readWithLlhttp(bytes: Buffer): Reading {
  result = { requests: [], refusal: undefined, isMidHead: false };
  latest = undefined;
  fields = [];
  target = "";
  parser.initialize(HTTPParser.REQUEST, {}, maxHeaderSize, HTTPParser.kLenientNone);
  let rest = bytes;
  while (rest.length > 0) {
    const read = parser.execute(rest);
    // It reads nothing behind CONNECT.
    if (read === 0) break;
    if (typeof read !== "number") {
      result.refusal = `${read.code}: ${read.reason}`;
      break;
    }
    rest = rest.subarray(read);
    // It stops behind each request for an upgrade, whether or not the server opens a tunnel.
    const last = result.requests.at(-1);
    if (last?.isTunnel && last.isComplete) {
      last.tunnel = rest.toString("latin1");
      break;
    }
  }
  return result;
}

/** As the server decides it: WebSocket, but not in HTTP/1.0, and CONNECT. */
function opensTunnel(method: string, minor: number, all: readonly string[]): boolean {
  if (method === "CONNECT") return true;
  const wanted = valuesOf(all, "upgrade").flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  return minor > 0 && wanted.includes("websocket");
}

/** What RFC 9112, 3.2 and 3.3 make of the target that llhttp has found. */
function partsOf(
  method: string,
  url: string,
  all: readonly string[],
): Pick<ReadRequest, "authority" | "rest" | "fields"> {
  const host = valuesOf(all, "host")[0];
  if (method === "CONNECT") return { authority: url, rest: "", fields: withHost(all, host, url) };
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(url);
  if (absolute === null) return { authority: host ?? "", rest: url, fields: all };
  const authority = absolute[1] as string;
  const rest = url.slice(absolute[0].length);
  const root = method === "OPTIONS" && rest === "" ? "*" : "/";
  return {
    authority,
    rest: rest.startsWith("/") ? rest : root + rest,
    fields: withHost(all, host, authority),
  };
}

/** The fields after an absolute target has replaced the Host field. */
function withHost(all: readonly string[], host: string | undefined, authority: string): readonly string[] {
  if (host === authority) return all;
  if (host === undefined) return [...all, "Host", authority];
  const at = all.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "host");
  return all.toSpliced(at, 2, "Host", authority);
}
