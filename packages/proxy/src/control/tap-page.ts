import { randomUUID } from "node:crypto";
import { type Clock, pause } from "@pagoda/core";
import { bodyFrom, type HttpRequest, httpResponse, type HttpResponse, text } from "@pagoda/http";
import type { CallRecord, TapLine, TapQuery } from "../recorder/call-record.ts";
import { listed } from "../recorder/story.ts";
import { queryIn, wantsText } from "./requests-page.ts";

/** What a tap reads from. */
export interface Tapping {
  readonly clock: Clock;
  /** What has come in all workers since the last reading. */
  read(
    id: string,
    query: TapQuery,
  ): Promise<{ readonly calls: readonly CallRecord[]; readonly skipped: number }>;
  close(id: string): Promise<void>;
}

/** How often workers are asked, in milliseconds. */
const everyMs = 250;
/** An empty line after this time without one keeps the connection open. */
const aliveMs = 20_000;
const defaultMaxRps = 100;
const mostRps = 10_000;
/** Taps open at once: workers make their records for each of them. */
const maxTaps = 20;

/**
 * `GET /tap`: calls that match, as they end, one JSON object in each line; with `Accept: text/plain` one
 * sentence. Ends when the client closes the connection.
 */
export class TapPage {
  readonly #tapping: Tapping;
  #open = 0;

  constructor(tapping: Tapping) {
    this.#tapping = tapping;
  }

  respond(request: HttpRequest): HttpResponse {
    const query = tapQueryIn(request);
    if (typeof query === "string") return text(`${query}\n`, 400);
    if (this.#open >= maxTaps) return text(`there are ${maxTaps} taps already, which is the maximum\n`, 503);
    const isText = wantsText(request);
    return httpResponse(200, bodyFrom(this.#lines(query, isText ? textLine : jsonLine)), {
      "content-type": isText ? "text/plain; charset=utf-8" : "application/x-ndjson",
    });
  }

  /** Counted from the first reading to the return. */
  async *#lines(query: TapQuery, line: (line: TapLine) => string): AsyncGenerator<string> {
    this.#open++;
    try {
      yield* lines(this.#tapping, query, line);
    } finally {
      this.#open--;
    }
  }
}

/** A text says what is wrong with the request. */
function tapQueryIn(request: HttpRequest): TapQuery | string {
  const given = new URLSearchParams(request.query);
  const max = given.get("max-rps") ?? String(defaultMaxRps);
  given.delete("max-rps");
  if (!/^\d+$/.test(max) || Number(max) < 1 || Number(max) > mostRps)
    return `max-rps must be an integer from 1 to ${mostRps} (got "${max}")`;
  for (const name of ["since", "limit"])
    if (given.has(name)) return `${name} has no effect here: a tap shows requests as they end`;
  const query = queryIn(given);
  if (typeof query === "string") return query;
  const { reasons, listener, route, cluster, status, endpoint } = query;
  if (reasons?.includes("unread") === true)
    return "reason must not be unread: a tap shows only requests that a policy has seen";
  return { reasons, listener, route, cluster, status, endpoint, maxPerSecond: Number(max) };
}

function jsonLine(line: TapLine): string {
  return `${JSON.stringify(line)}\n`;
}

function textLine(line: TapLine): string {
  return "skipped" in line ? `(${line.skipped} more not shown)\n` : `${listed([line])}\n`;
}

/** Reads until its reader returns, which happens when the client is gone. */
async function* lines(
  { clock, read, close }: Tapping,
  query: TapQuery,
  line: (line: TapLine) => string,
): AsyncGenerator<string> {
  const id = randomUUID();
  const budget = new PerSecond(query.maxPerSecond);
  let saidAt = clock.now();
  try {
    // The first reading opens the taps; the response begins when they are open.
    for (let isFirst = true; ; isFirst = false) {
      const { calls, skipped } = await read(id, query);
      const shown = calls.slice(0, budget.take(calls.length, clock.now()));
      const left = skipped + calls.length - shown.length;
      const out = [...shown.map(line), ...(left > 0 ? [line({ skipped: left })] : [])].join("");
      if (out !== "" || isFirst || clock.now() - saidAt >= aliveMs) {
        saidAt = clock.now();
        yield out === "" ? "\n" : out;
      }
      await pause(clock, everyMs, undefined);
    }
  } finally {
    await close(id);
  }
}

/** How many calls may still be shown in the present second. */
class PerSecond {
  readonly #max: number;
  #second = -1;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  take(wanted: number, now: number): number {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    const granted = Math.min(wanted, this.#max - this.#taken);
    this.#taken += granted;
    return granted;
  }
}
