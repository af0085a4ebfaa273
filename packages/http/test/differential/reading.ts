import { isNamed, mayTrail } from "@pagoda/http/grammar";
import { MalformedRequest } from "../../src/server/http1/malformed-request.ts";
import type { RequestHead } from "../../src/server/http1/request-head.ts";
import { RequestReader } from "../../src/server/http1/request-reader.ts";
import { tunnelRefusal, wantedTunnel } from "../../src/server/http1/tunnel-request.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import { Tunnels } from "../../src/server/tunnels.ts";

/** One request as a parser has read it. */
export interface ReadRequest {
  readonly method: string;
  readonly authority: string;
  /** Path and query. */
  readonly rest: string;
  readonly minor: number;
  readonly fields: readonly string[];
  readonly persists: boolean;
  /** As latin1. */
  body: string;
  trailers: readonly string[];
  /** What follows the request if it asks for a tunnel. */
  tunnel: string;
  isComplete: boolean;
  isTunnel: boolean;
}

/** What a parser has made of the bytes of a connection. */
export interface Reading {
  readonly requests: ReadRequest[];
  /** Why it stopped before the end. */
  refusal: string | undefined;
  /** Whether it waits for the rest of a head. */
  isMidHead: boolean;
}

const tunnels = new Tunnels(["websocket", "connect"]);

/** Reads bytes with the parser of the server, in these pieces. */
export function readWithOurs(pieces: Iterable<Buffer>, completed?: () => void): Reading {
  const result: Reading = { requests: [], refusal: undefined, isMidHead: false };
  let latest: ReadRequest | undefined;
  const refuse = ({ status, reason }: Refusal): void => {
    result.refusal ??= `${status} ${reason}`;
    reader.stop();
  };
  const reader = new RequestReader({
    head(head) {
      const wanted = wantedTunnel(head, tunnels);
      const refusal = tunnelRefusal(head, wanted, tunnels);
      if (refusal !== undefined) refuse(refusal);
      latest = refusal === undefined ? readHead(head, wanted !== undefined) : undefined;
      if (latest !== undefined) result.requests.push(latest);
      return wanted !== undefined;
    },
    refused: refuse,
    data(chunk) {
      if (latest === undefined) return;
      const text = chunk.toString("latin1");
      if (latest.isTunnel && latest.isComplete) latest.tunnel += text;
      else latest.body += text;
    },
    complete(trailers) {
      if (latest === undefined) return;
      latest.isComplete = true;
      latest.trailers = trailers.raw;
      completed?.();
    },
  });
  try {
    for (const piece of pieces) reader.read(piece);
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error;
    refuse(error.refusal);
  }
  result.isMidHead = reader.isMidHead;
  return result;
}

function readHead(head: RequestHead, isTunnel: boolean): ReadRequest {
  return {
    method: head.method,
    authority: head.authority,
    rest: head.path + head.query,
    minor: head.minor,
    fields: head.headers.raw,
    persists: head.persists,
    body: "",
    trailers: [],
    tunnel: "",
    // A tunnel begins with the request, unless that has content.
    isComplete: isTunnel && head.length === 0,
    isTunnel,
  };
}

/**
 * How `theirs` contradicts `ours`; `undefined` if everything that ours accepts is read the same by
 * theirs.
 */
export function contradiction(ours: Reading, theirs: Reading): string | undefined {
  for (const [i, our] of ours.requests.entries()) {
    const their = theirs.requests[i];
    if (their === undefined) return `request ${i + 1}: not accepted (${theirs.refusal})`;
    const difference = differs(our, their, ours, theirs);
    if (difference !== undefined) return `request ${i + 1}: ${difference}`;
  }
  if (ours.refusal !== undefined) return undefined;
  if (theirs.requests.length > ours.requests.length) return "more requests";
  const last = ours.requests.at(-1);
  if (!ours.isMidHead && last?.isComplete !== false && theirs.refusal !== undefined)
    return `after the requests: ${theirs.refusal}`;
  return undefined;
}

function differs(our: ReadRequest, their: ReadRequest, ours: Reading, theirs: Reading): string | undefined {
  for (const key of ["method", "authority", "rest", "minor", "persists", "isTunnel"] as const)
    if (our[key] !== their[key]) return `${key}: ${JSON.stringify([our[key], their[key]])}`;
  if (!isSame(our.fields, their.fields)) return `fields: ${JSON.stringify([our.fields, their.fields])}`;
  if (our.isComplete && !their.isComplete) return `complete only in ours (${theirs.refusal})`;
  if (our.isComplete || (ours.refusal === undefined && theirs.refusal === undefined)) {
    if (our.body !== their.body) return `body: ${JSON.stringify([our.body, their.body])}`;
    if (our.isComplete !== their.isComplete) return "complete only in theirs";
  } else if (!their.body.startsWith(our.body))
    return `part of body: ${JSON.stringify([our.body, their.body])}`;
  if (!our.isComplete) return undefined;
  const trailers = their.trailers.filter((_each, i) => mayTrail(their.trailers[i - (i % 2)] as string));
  if (!isSame(our.trailers, trailers)) return `trailers: ${JSON.stringify([our.trailers, trailers])}`;
  if (our.tunnel !== their.tunnel) return `tunnel: ${JSON.stringify([our.tunnel, their.tunnel])}`;
  return undefined;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

/** The values of all fields of that name, given in lower case. */
export function valuesOf(fields: readonly string[], name: string): string[] {
  return fields.filter((_each, i) => i % 2 === 1 && isNamed(fields[i - 1] as string, name));
}
