import type { Json, Outcome, TimedWaitList } from "@pagoda/core";
import { type BreakerOptions, checked, type Settings } from "./options.ts";
import type { Cause, Tally } from "./trip.ts";

/**
 * The state machine of a circuit breaker. Use it directly for calls that are not made through a
 * service.
 *
 * - Closed: admits every call, until the trip opens it.
 * - Open: admits no call for a time, half of it random, that doubles with each failed probe.
 * - Half-open, after that time: admits exactly `probes` calls. A failed probe opens it again; when
 *   all have succeeded it closes, and the open time starts over at `openMs`. A probe with a neutral
 *   result passes its slot on to another call, as does one that takes longer than `probeMs`, so the
 *   breaker cannot stay half-open forever. The late result still counts.
 *
 * Each transition starts a new generation. A ticket belongs to the generation that admitted the
 * call, and results of older generations are ignored, as they say nothing about the present state
 * of the upstream.
 *
 * Cost: about 5 ns for a check while closed, which does not read the clock.
 *
 * @example
 * const ticket = breaker.admit();
 * if (ticket !== undefined) breaker.record(ticket, (await attempt()) ? "success" : "failure");
 *
 * @throws RangeError when an option is out of range.
 */
export class Breaker {
  /** Options for `describe()`. */
  readonly options: { readonly [name: string]: Json };
  readonly #settings: Settings;
  #tally: Tally;
  readonly #probes: number;
  #isClosed = true;
  #generation = 0;
  #reason = "";
  /** End of the open time. */
  #until = 0;
  /** Number of times it has opened since it was last closed. */
  #openings = 0;
  /** Probes in flight or succeeded. */
  #admitted = 0;
  #succeeded = 0;
  /** Probes whose response has started successfully and whose body is in flight. */
  #answered = 0;
  /** Probes in flight whose slots have been passed on. */
  #overdue = 0;
  /** @internal Waiting callers, per layer that uses this breaker, if there are any. */
  readonly waiting = new Set<TimedWaitList>();
  /** When the last probe was admitted. */
  #probedAt = 0;
  #probing = false;

  constructor(options: BreakerOptions = {}) {
    this.#settings = checked(options);
    const { trip, openMs, maxOpenMs, probes, probeMs, clock } = this.#settings;
    this.options = {
      trip: trip.options,
      openMs,
      maxOpenMs,
      probes,
      ...(probeMs !== openMs && { probeMs }),
    };
    this.#probes = probes;
    this.#tally = trip.begin(clock);
  }

  get phase(): "closed" | "open" | "half-open" {
    if (this.#isClosed) return "closed";
    return this.#probing || this.retryAfterMs === 0 ? "half-open" : "open";
  }

  /** Why it last opened. */
  get reason(): string {
    return this.#reason;
  }

  /** Milliseconds until the end of the open time; 0 when not open. */
  get retryAfterMs(): number {
    return this.#isClosed ? 0 : Math.max(0, this.#until - this.#settings.clock.now());
  }

  /** Milliseconds until a call may be admitted, if no result arrives before. */
  get admitsInMs(): number {
    if (this.#isClosed || this.#admitted < this.#probes) return this.retryAfterMs;
    const { clock, probeMs } = this.#settings;
    return Math.max(0, this.#probedAt + probeMs - clock.now());
  }

  /** Returns whether a call would be admitted now. Changes nothing. */
  admits(): boolean {
    return this.#isClosed || this.admitsInMs === 0;
  }

  /**
   * Admits a call and returns its ticket, with which `record` must be called once; `undefined`
   * refuses the call.
   */
  admit(): number | undefined {
    if (this.#isClosed) return this.#generation;
    if (!this.admits()) return undefined;
    if (this.#admitted >= this.#probes) this.#giveUpProbes();
    if (this.#isClosed) return this.#generation;
    this.#admitted++;
    this.#probedAt = this.#settings.clock.now();
    if (!this.#probing) {
      this.#probing = true;
      this.#settings.observer?.halfOpened?.();
    }
    return this.#generation;
  }

  /**
   * Reports a response that has started successfully. Call `ended` instead of `record` at its end.
   */
  answered(ticket: number): void {
    if (ticket === this.#generation && !this.#isClosed) this.#answered++;
  }

  /** Reports the end of a call that was reported as `answered`. */
  ended(ticket: number, kind: Outcome["kind"], call?: unknown): void {
    if (ticket === this.#generation && !this.#isClosed) {
      // It has already been counted as a success, when `probeMs` was over.
      if (this.#answered === 0 && kind !== "failure") return;
      this.#answered = Math.max(0, this.#answered - 1);
    }
    this.record(ticket, kind, call);
  }

  /**
   * Reports the result of a call. `limited` fails a probe: an upstream that asks for fewer calls
   * gets none for a while.
   *
   * @param call Passed to the observer if the result opens or closes the breaker.
   */
  record(ticket: number, kind: Outcome["kind"], call?: unknown): void {
    if (ticket !== this.#generation) return;
    if (this.#isClosed) {
      const cause = kind === "neutral" ? undefined : this.#tally.record(kind);
      if (cause !== undefined) this.#open(cause, call);
    } else if (kind === "failure" || kind === "limited") {
      this.#open({ reason: "probe-failed" }, call);
    } else {
      const hasSlot = this.#overdue === 0;
      if (!hasSlot) this.#overdue--;
      if (kind === "success") this.#succeed(1, hasSlot ? 0 : 1, call);
      else if (hasSlot) this.#admitted--;
    }
  }

  /**
   * Closes it now, as successful probes would. Calls in flight no longer count.
   *
   * @returns False if it was closed.
   */
  reset(): boolean {
    if (this.#isClosed) return false;
    this.#close(undefined);
    this.changed();
    return true;
  }

  /** @internal Notifies the waiting callers after a result. */
  changed(): void {
    if (this.waiting.size === 0) return;
    for (const waiting of this.waiting) {
      waiting.changed();
      if (waiting.size === 0) this.waiting.delete(waiting);
    }
  }

  /** State for `describe()`. */
  state(): { readonly [name: string]: Json } {
    const { phase } = this;
    return {
      phase,
      ...(phase !== "closed" && {
        reason: this.#reason,
        retryAfterMs: this.retryAfterMs,
        probesInFlight: this.#admitted - this.#succeeded + this.#overdue,
      }),
      ...this.#tally.state(),
    };
  }

  /** Frees the slots of probes that have taken longer than `probeMs`. */
  #giveUpProbes(): void {
    const answered = this.#answered;
    this.#overdue += this.#admitted - this.#succeeded - answered;
    this.#admitted = this.#succeeded;
    this.#answered = 0;
    this.#succeed(answered, answered);
  }

  /** @param slots How many of these probes no longer hold a slot. */
  #succeed(probes: number, slots: number, call?: unknown): void {
    this.#succeeded += probes;
    this.#admitted += slots;
    if (this.#succeeded >= this.#probes) this.#close(call);
  }

  #open(cause: Cause, call: unknown): void {
    const { openMs, maxOpenMs, clock, random, observer } = this.#settings;
    const ms = Math.min(openMs * 2 ** this.#openings, maxOpenMs);
    const forMs = ms / 2 + (random() * ms) / 2;
    this.#begin(false);
    this.#openings++;
    this.#until = clock.now() + forMs;
    this.#reason = cause.reason;
    observer?.opened?.({ ...cause, forMs }, call);
  }

  #close(call: unknown): void {
    const { trip, clock, observer } = this.#settings;
    this.#begin(true);
    this.#openings = 0;
    this.#tally = trip.begin(clock);
    observer?.closed?.(call);
  }

  #begin(isClosed: boolean): void {
    this.#generation++;
    this.#isClosed = isClosed;
    this.#admitted = 0;
    this.#succeeded = 0;
    this.#answered = 0;
    this.#overdue = 0;
    this.#probing = false;
  }
}
