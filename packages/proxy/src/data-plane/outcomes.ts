import {
  type Clock,
  type HealthSource,
  type HealthWatch,
  type Outcome,
  SlidingCount,
  Slots,
} from "@pagoda/core";
import { type CallNotes, lastTry } from "@pagoda/http";
import { recordedFault } from "../recorder/facts.ts";
import { faultText } from "../recorder/fault-text.ts";

/** The name under which a layer that counts outcomes describes itself. */
export const outcomesName = "outcomes";

/** Ignores calls that were refused here or cancelled: they say nothing about the endpoint. */
export interface OutcomeCounts {
  readonly succeeded: number;
  readonly failed: number;
  /** Given up because a time limit of the route or the client had passed. */
  readonly timedOut: number;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
}

/** Outcomes of the last {@link recentMs}. */
export interface Recent {
  readonly succeeded: number;
  readonly failed: number;
  readonly timedOut: number;
}

/** The last call that failed or timed out. */
export interface LastFailure {
  /** Milliseconds since then. */
  readonly agoMs: number;
  /** `status 503`, `ConnectFailed: ECONNREFUSED`; of the last second with failures. */
  readonly text: string;
}

const noOutcomes: OutcomeCounts = { succeeded: 0, failed: 0, timedOut: 0, consecutiveFailures: 0 };
const noRecent: Recent = { succeeded: 0, failed: 0, timedOut: 0 };
/** A text costs a few microseconds, so of an endpoint that fails all the time there are few. */
const textEveryMs = 1_000;

/** How long an outcome is recent, in milliseconds. */
export const recentMs = 300_000;
const slots = 5;

/**
 * Counts the outcomes of the calls of each endpoint, for operators. It never marks an endpoint
 * unhealthy. Without checks and outlier detection every endpoint gets calls however they end, and
 * an operator must be able to see that.
 */
export class Outcomes implements HealthSource {
  readonly name = outcomesName;
  readonly #watches = new Map<string, OutcomeWatch>();
  readonly #clock: Clock;
  readonly #time: Slots;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#time = new Slots(clock, recentMs / slots);
  }

  watch({ key }: { readonly key: string }): HealthWatch {
    const watch = new OutcomeWatch(key, this.#clock, this.#time, () => {
      if (this.#watches.get(key) === watch) this.#watches.delete(key);
    });
    this.#watches.set(key, watch);
    return watch;
  }

  /** Outcomes of the calls of an endpoint. */
  of(key: string): OutcomeCounts {
    return this.#watches.get(key)?.state() ?? noOutcomes;
  }

  /** The recent ones of them. */
  recentOf(key: string): Recent {
    return this.#watches.get(key)?.recent() ?? noRecent;
  }

  /** Undefined if none has failed or timed out. */
  lastFailureOf(key: string): LastFailure | undefined {
    return this.#watches.get(key)?.lastFailure();
  }
}

class OutcomeWatch implements HealthWatch {
  readonly healthy = true;
  readonly close: () => void;
  readonly #key: string;
  readonly #clock: Clock;
  readonly #time: Slots;
  /** Undefined before the first call: many endpoints never get one. */
  #recent: Readonly<Record<keyof Recent, SlidingCount>> | undefined;
  #succeeded = 0;
  #failed = 0;
  #timedOut = 0;
  #consecutiveFailures = 0;

  #failedAt: number | undefined;
  #text = "";
  #textAt = -Infinity;

  constructor(key: string, clock: Clock, time: Slots, close: () => void) {
    this.#key = key;
    this.#clock = clock;
    this.#time = time;
    this.close = close;
  }

  ended({ kind, timedOut }: Outcome, call?: unknown): void {
    if (kind === "success") {
      this.#succeeded++;
      this.#consecutiveFailures = 0;
      this.#note("succeeded");
    } else if (kind === "failure") {
      this.#failed++;
      this.#consecutiveFailures++;
      this.#note("failed");
      this.#noteFailure(call);
    } else if (timedOut) {
      this.#timedOut++;
      this.#note("timedOut");
      this.#noteFailure(call);
    }
  }

  lastFailure(): LastFailure | undefined {
    if (this.#failedAt === undefined) return undefined;
    return { agoMs: Math.max(0, this.#clock.now() - this.#failedAt), text: this.#text };
  }

  recent(): Recent {
    if (this.#recent === undefined) return noRecent;
    const { succeeded, failed, timedOut } = this.#recent;
    const slot = this.#time.exactly();
    for (const each of [succeeded, failed, timedOut]) each.moveTo(slot);
    return { succeeded: succeeded.total, failed: failed.total, timedOut: timedOut.total };
  }

  #note(how: keyof Recent): void {
    const slot = this.#time.roughly();
    this.#recent ??= {
      succeeded: new SlidingCount(slots, slot),
      failed: new SlidingCount(slots, slot),
      timedOut: new SlidingCount(slots, slot),
    };
    this.#recent[how].add(slot);
  }

  #noteFailure(call: unknown): void {
    const now = this.#clock.now();
    this.#failedAt = now;
    if (now - this.#textAt < textEveryMs) return;
    const text = failureText(this.#key, call);
    if (text === undefined) return;
    this.#text = text;
    this.#textAt = now;
  }

  state() {
    return {
      succeeded: this.#succeeded,
      failed: this.#failed,
      timedOut: this.#timedOut,
      consecutiveFailures: this.#consecutiveFailures,
    };
  }
}

/** How the try of a call to an endpoint ended; undefined if that is not known. */
function failureText(endpoint: string, call: unknown): string | undefined {
  const { notes } = Object(call) as { readonly notes?: CallNotes };
  const last = notes === undefined ? undefined : lastTry(notes);
  // A hedge may have sent the call elsewhere since.
  if (last === undefined || last.upstream !== endpoint) return undefined;
  const { fault, status } = last;
  if (fault !== undefined) return faultText(recordedFault(fault));
  return status < 500 ? undefined : `status ${status}`;
}
