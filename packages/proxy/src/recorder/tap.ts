import type { Clock } from "@pagoda/core";
import type { CallEnd } from "@pagoda/metrics";
import type { Reason, TapQuery } from "./call-record.ts";
import { hasStatus, isNamed, triesOf } from "./matches.ts";
import type { Recorded } from "./record.ts";

/** A tap that has not been read for this long is closed: its reader, or the main process, is gone. */
const unreadMs = 5_000;

/** The calls since the last reading. */
export interface Drawn {
  readonly calls: readonly Recorded[];
  /** How many more matched. */
  readonly skipped: number;
}

/** Collects calls that match as they end, until it is read: at most as many as it may show per second. */
class Tap {
  readonly query: TapQuery;
  readAt: number;
  calls: Recorded[] = [];
  skipped = 0;

  constructor(query: TapQuery, now: number) {
    this.query = query;
    this.readAt = now;
  }
}

/** The open taps of a worker. Without one, a call costs a comparison. */
export class Taps {
  readonly #clock: Clock;
  readonly #open = new Map<string, Tap>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Opens the tap of that id if need be, and returns what has come since the last reading. */
  read(id: string, query: TapQuery): Drawn {
    const now = this.#clock.now();
    let tap = this.#open.get(id);
    if (tap === undefined) this.#open.set(id, (tap = new Tap(query, now)));
    const { calls, skipped } = tap;
    tap.calls = [];
    tap.skipped = 0;
    tap.readAt = now;
    return { calls, skipped };
  }

  close(id: string): void {
    this.#open.delete(id);
  }

  /** @param make Makes the record, once for all taps. */
  ended(listener: string, end: CallEnd, reason: Reason | undefined, make: () => Recorded): void {
    let made: Recorded | undefined;
    for (const [id, tap] of this.#open) {
      if (end.endedAt - tap.readAt > unreadMs) this.close(id);
      else if (tap.query.listener !== undefined && tap.query.listener !== listener) continue;
      else if (!matchesEnd(end, reason, tap.query)) continue;
      else if (tap.calls.length >= tap.query.maxPerSecond) tap.skipped++;
      else tap.calls.push((made ??= make()));
    }
  }
}

function matchesEnd({ request, response }: CallEnd, reason: Reason | undefined, query: TapQuery): boolean {
  const { notes } = request;
  const { reasons, route, cluster, status, endpoint } = query;
  return (
    (reasons === undefined || (reason !== undefined && reasons.includes(reason))) &&
    (route === undefined || isNamed(notes.route, route)) &&
    (cluster === undefined || isNamed(notes.cluster, cluster)) &&
    (status === undefined || hasStatus(response?.status, status)) &&
    (endpoint === undefined || triesOf(notes).includes(endpoint))
  );
}
