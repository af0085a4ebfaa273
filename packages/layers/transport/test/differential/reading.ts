// The first response on a connection as two parsers read it: ours, and llhttp without its lenient
// flags, which is reached below `node:http` because a connection for each input would take too long.
// @ts-expect-error: has no types.
import common from "node:_http_common";
import { mayTrail } from "@pagoda/http/grammar";
import { Malformed } from "../../src/malformed.ts";
import { ResponseReader } from "../../src/response-reader.ts";
import type { Input } from "./responses.ts";

/** A response as a parser has read it. */
export interface Reading {
  /** Statuses of the responses before the final one. */
  informed: number[];
  status: number | undefined;
  phrase: string;
  fields: readonly string[];
  /** As latin1. */
  body: string;
  trailers: readonly string[];
  isComplete: boolean;
  /** Whether the connection can be used again; `undefined` where llhttp does not know. */
  persists: boolean | undefined;
  refusal: string | undefined;
}

function unread(): Reading {
  return {
    informed: [],
    status: undefined,
    phrase: "",
    fields: [],
    body: "",
    trailers: [],
    isComplete: false,
    persists: undefined,
    refusal: undefined,
  };
}

/** Reads a response, in these pieces, with the parser of the transport. */
export function readWithOurs({ method }: Input, pieces: Iterable<Buffer>): Reading {
  const result = unread();
  const reader = new ResponseReader({
    informed: ({ status }) => void result.informed.push(status),
    answered({ status, statusText, headers, keepAlive, framing }, bodiless) {
      result.status = status;
      result.phrase = statusText;
      result.fields = headers.raw;
      if (method !== "HEAD") result.persists = keepAlive && (bodiless || framing !== "close");
    },
    opened() {},
    came: (bytes, from, to) => void (result.body += bytes.toString("latin1", from, to)),
    completed({ raw }) {
      result.trailers = raw;
      result.isComplete = true;
    },
  });
  reader.expect(method);
  try {
    for (const piece of pieces) if (!result.isComplete) reader.read(piece, piece.length);
    if (reader.endsWithConnection) reader.end();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    result.refusal = error.message;
  }
  return result;
}

interface Parser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | (Error & { readonly code: string });
  finish(): unknown;
  [event: number]: (...args: never[]) => unknown;
}

const { HTTPParser } = common as {
  readonly HTTPParser: Readonly<
    Record<"RESPONSE" | "kOnHeaders" | "kOnHeadersComplete" | "kOnBody" | "kOnMessageComplete", number>
  > & { new (): Parser };
};

/** Reads a response with llhttp. */
export function readWithLlhttp({ method }: Input, bytes: Buffer): Reading {
  const result = unread();
  let fields: string[] = [];
  let isInformed = false;
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.RESPONSE, {}, 1_048_576, 0);
  parser[HTTPParser.kOnHeaders] = (some: readonly string[]): void => void fields.push(...some);
  parser[HTTPParser.kOnHeadersComplete] = (
    ...[, , some, , , status, phrase, , keepsAlive]: [
      number,
      number,
      string[] | undefined,
      unknown,
      unknown,
      number,
      string,
      boolean,
      boolean,
    ]
  ): number => {
    const all = some ?? fields;
    fields = [];
    isInformed = status < 200;
    if (result.isComplete) return 0;
    if (isInformed) result.informed.push(status);
    else {
      result.status = status;
      result.phrase = phrase;
      result.fields = all;
      if (method !== "HEAD") result.persists = keepsAlive;
    }
    return method === "HEAD" ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (chunk: Buffer): void => {
    if (!result.isComplete) result.body += chunk.toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete] = (): void => {
    if (!isInformed && !result.isComplete) {
      result.trailers = fields.filter((_each, i) => mayTrail(fields[i - (i % 2)] as string));
      result.isComplete = true;
    }
    fields = [];
  };
  const read = parser.execute(bytes);
  if (typeof read !== "number") result.refusal = read.code;
  else parser.finish();
  return result;
}

/** How `theirs` contradicts what ours accepts. */
export function contradiction(ours: Reading, theirs: Reading): string | undefined {
  if (ours.informed.some((status, i) => theirs.informed[i] !== status)) return "informational responses";
  if (ours.status === undefined) return undefined;
  for (const key of ["status", "phrase", "persists"] as const)
    if (ours[key] !== theirs[key]) return `${key}: ${ours[key]}, ${theirs[key]} (${theirs.refusal})`;
  if (ours.fields.join("\n") !== theirs.fields.join("\n")) return `fields: ${theirs.fields.join()}`;
  if (ours.isComplete && !theirs.isComplete) return `complete only in ours (${theirs.refusal})`;
  if (ours.isComplete ? ours.body !== theirs.body : !theirs.body.startsWith(ours.body))
    return `body: ${JSON.stringify(theirs.body)} (${theirs.refusal})`;
  if (!ours.isComplete && ours.refusal === undefined && theirs.isComplete) return "complete only in theirs";
  if (ours.isComplete && ours.trailers.join("\n") !== theirs.trailers.join("\n"))
    return `trailers: ${theirs.trailers.join()}`;
  return undefined;
}
