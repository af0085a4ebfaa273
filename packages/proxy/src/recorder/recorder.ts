import { type Clock, type Random, systemClock, systemRandom } from "@pagoda/core";
import type { CallEnd, MetricsObserver } from "@pagoda/metrics";
import type { RouteTable } from "@pagoda/router";
import {
  type Ending,
  type Reason,
  reasons,
  type RecordedEndpoints,
  type RequestQuery,
  type TapQuery,
  type Tapped,
  type WorkerRecord,
} from "./call-record.ts";
import { CallCounts } from "./call-counts.ts";
import { KeptCalls } from "./kept-calls.ts";
import { matches } from "./matches.ts";
import { endingOf, reasonOf } from "./reason.ts";
import { type Recorded, recorded, shown } from "./record.ts";
import { Taps } from "./tap.ts";
import { recordedUnread, type Unread } from "./unread.ts";

export interface RecorderSettings {
  /** Calls kept for each reason; 0 for none at all. */
  readonly keep: number;
  /** Milliseconds until the response head from which on a call is slow. */
  readonly slow: number;
  /** Share of the other calls that are kept. */
  readonly sample: number;
  /** Names of header fields to record. */
  readonly headers: readonly string[];
}

export interface RecorderContext {
  readonly settings: RecorderSettings;
  /** The endpoints of a cluster, those in trouble first. */
  readonly endpoints: (cluster: string) => RecordedEndpoints | undefined;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** How long calls are kept at most, in milliseconds. */
export const keptMs = 3_600_000;

/**
 * The flight recorder of a worker: keeps the last failed, refused, slow and sampled calls, with what
 * happened to each. Memory is bounded: by the number of calls for each reason, and by what
 * {@link recorded} takes of one.
 *
 * Cost of a call that is not kept: about 20 ns.
 */
export class Recorder {
  /** Applies from the next call on. */
  settings: RecorderSettings;
  /** Of all calls, kept or not. */
  readonly counts: CallCounts = new CallCounts();
  readonly #endpoints: RecorderContext["endpoints"];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #kept: Readonly<Record<Reason, KeptCalls<Recorded>>>;
  readonly #tables = new Map<string, RouteTable>();
  readonly #taps: Taps;

  constructor({ settings, endpoints, clock = systemClock, random = systemRandom }: RecorderContext) {
    this.settings = settings;
    this.#endpoints = endpoints;
    this.#clock = clock;
    this.#random = random;
    this.#taps = new Taps(clock);
    this.#kept = {
      failed: new KeptCalls(),
      refused: new KeptCalls(),
      slow: new KeptCalls(),
      recovered: new KeptCalls(),
      sampled: new KeptCalls(),
      unread: new KeptCalls(),
    };
  }

  /** Observes the calls of a listener with these routes. */
  observer(listener: string, table: RouteTable): MetricsObserver {
    this.#tables.set(listener, table);
    return { ended: (end) => this.#ended(listener, end) };
  }

  /** Keeps what a server refused before any layer saw it. */
  unread(listener: string, unread: Unread): void {
    const { keep } = this.settings;
    if (keep === 0) return;
    this.#kept.unread.offer(`${listener} ${unread.kind}`, this.#clock.now(), keep, () =>
      recordedUnread(unread, { listener, endedMs: this.#clock.wallTime() }),
    );
  }

  /** The calls that are kept and match, the newest first. */
  find(query: RequestQuery): readonly WorkerRecord[] {
    const found: Recorded[] = [];
    for (const reason of reasons) {
      const kept = this.#kept[reason];
      kept.expire(this.#clock.now() - keptMs);
      if (query.reasons?.includes(reason) === false) continue;
      for (const call of kept) if (matches(call, query)) found.push(call);
    }
    return found
      .toSorted((one, other) => other.endedMs - one.endedMs)
      .slice(0, query.limit)
      .map((call) => this.#shown(call));
  }

  /** The calls that match and have ended since the last reading of this tap, which the first one opens. */
  tap(id: string, query: TapQuery): Tapped {
    const { calls, skipped } = this.#taps.read(id, query);
    return { calls: calls.map((call) => this.#shown(call)), skipped };
  }

  closeTap(id: string): void {
    this.#taps.close(id);
  }

  #shown(call: Recorded): WorkerRecord {
    return shown(call, this.#tables.get(call.listener));
  }

  #ended(listener: string, end: CallEnd): void {
    // A client that leaves cancels the body first and aborts its signal later in the same tick.
    if (end.isComplete) this.#decide(listener, end);
    else this.#decideLater(listener, end);
  }

  #decideLater(listener: string, end: CallEnd): void {
    queueMicrotask(() => this.#decide(listener, end));
  }

  #decide(listener: string, end: CallEnd): void {
    const { keep, slow, sample } = this.settings;
    const isTapped = this.#taps.isOpen;
    const ending = endingOf(end);
    const notable = reasonOf(end, ending, slow);
    if (notable === "failed" || notable === "refused") this.counts.count(listener, end, notable);
    if (isTapped) this.#tap(listener, end, notable, ending);
    if (keep === 0) return;
    const reason = notable ?? (this.#random() < sample ? "sampled" : undefined);
    if (reason !== undefined) this.#keep(listener, end, reason, ending);
  }

  #tap(listener: string, end: CallEnd, notable: Reason | undefined, ending: Ending): void {
    this.#taps.ended(listener, end, notable, () => this.#record(listener, end, notable ?? "sampled", ending));
  }

  #keep(listener: string, end: CallEnd, reason: Reason, ending: Ending): void {
    const { request, response, fault } = end;
    const kind = `${listener} ${request.notes.route ?? ""} ${fault?._tag ?? response?.status ?? ""}`;
    this.#kept[reason].offer(kind, end.endedAt, this.settings.keep, () =>
      this.#record(listener, end, reason, ending),
    );
  }

  #record(listener: string, end: CallEnd, reason: Reason, ending: Ending): Recorded {
    return recorded(end, {
      listener,
      reason,
      ending,
      headers: this.settings.headers,
      endedMs: this.#clock.wallTime(),
      endpoints: isInTrouble(reason, end) ? this.#endpoints : undefined,
    });
  }
}

/** Whether the state of the endpoints may tell why. */
function isInTrouble(reason: Reason, { response }: CallEnd): boolean {
  return reason === "failed" || reason === "recovered" || response?.status === 503;
}
