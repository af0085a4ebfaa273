import type { Json, Outcome } from "@pagoda/core";
import { type BreakerOptions, checked, type Settings } from "./options.ts";
import type { Cause, Tally } from "./trip.ts";

/**
 * The state machine of a circuit breaker, without the calls: for what is no service, too.
 *
 * - Closed: admits all, until its trip says that it must open.
 * - Open: admits nothing for a time, half of it random, that doubles with each failed probe.
 * - Half-open, when the time is over: admits exactly `probes` calls. One that fails opens it again; when all have
 *   succeeded it closes, and the time begins small again. One that says nothing gives its slot to another, and so does one
 *   that is not answered within `probeMs`: the breaker does not stay as it is for ever. What it says later still counts.
 *
 * Each change begins a new generation. A ticket is of the generation that admitted the call, and one of an older
 * generation decides nothing: what began before it opened says nothing of how things stand now.
 *
 * Cost: a check while closed reads no clock, about 5 ns.
 *
 * @example
 * const ticket = breaker.admit();
 * if (ticket !== undefined) breaker.heard(ticket, (await attempt()) ? "success" : "failure");
 *
 * @throws RangeError when an option is out of range.
 */
export class Breaker {
  /** As configured, for descriptions. */
  readonly options: { readonly [name: string]: Json };
  readonly #settings: Settings;
  readonly #tally: Tally;
  readonly #probes: number;
  #isClosed = true;
  #generation = 0;
  #reason = "";
  /** When it last opened, the time for which it does. */
  #until = 0;
  /** Times that it opened since it was closed. */
  #openings = 0;
  /** Probes under way or succeeded. */
  #admitted = 0;
  #succeeded = 0;
  /** Probes under way that have been answered well so far. */
  #answered = 0;
  /** Probes under way whose slots others have. */
  #overdue = 0;
  /** @internal Those who wait for it, in each layer around it. */
  readonly waiting = new Set<{ changed(): void }>();
  /** When the last probe went through. */
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

  /** Why it opened last. */
  get reason(): string {
    return this.#reason;
  }

  /** Milliseconds until its time open is over; 0 when it is not open, or not any more. */
  get retryAfterMs(): number {
    return this.#isClosed ? 0 : Math.max(0, this.#until - this.#settings.clock.now());
  }

  /** Milliseconds until a call may be admitted, if nothing is heard meanwhile. */
  get admitsInMs(): number {
    if (this.#isClosed || this.#admitted < this.#probes) return this.retryAfterMs;
    const { clock, probeMs } = this.#settings;
    return Math.max(0, this.#probedAt + probeMs - clock.now());
  }

  /** Whether a call would be admitted now. Changes nothing. */
  admits(): boolean {
    return this.#isClosed || this.admitsInMs === 0;
  }

  /** A call wants to go through. Gives its ticket, with which `heard` must be called once; `undefined`: it must not. */
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

  /** A call has been answered well so far: when it has ended, `ended` must be called instead of `heard`. */
  answered(ticket: number): void {
    if (ticket === this.#generation && !this.#isClosed) this.#answered++;
  }

  /** A call has ended that had been `answered`. */
  ended(ticket: number, kind: Outcome["kind"]): void {
    if (ticket === this.#generation && !this.#isClosed) {
      // It counted as a success before, for all that was known then.
      if (this.#answered === 0 && kind !== "failure") return;
      this.#answered = Math.max(0, this.#answered - 1);
    }
    this.heard(ticket, kind);
  }

  /**
   * A call has ended. For a probe, `limited` is no success: an upstream that asks for fewer calls gets none for a time.
   */
  heard(ticket: number, kind: Outcome["kind"]): void {
    if (ticket !== this.#generation) return;
    if (this.#isClosed) {
      const cause = kind === "neutral" ? undefined : this.#tally.heard(kind);
      if (cause !== undefined) this.#open(cause);
    } else if (kind === "failure" || kind === "limited") {
      this.#open({ reason: "probe-failed" });
    } else {
      const hasSlot = this.#overdue === 0;
      if (!hasSlot) this.#overdue--;
      if (kind === "success") this.#succeed(1, hasSlot ? 0 : 1);
      else if (hasSlot) this.#admitted--;
    }
  }

  /** @internal It has heard of a call. */
  changed(): void {
    if (this.waiting.size > 0) for (const waiting of this.waiting) waiting.changed();
  }

  /** How it stands, for descriptions. */
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

  /** All slots are taken, and for too long. */
  #giveUpProbes(): void {
    const answered = this.#answered;
    this.#overdue += this.#admitted - this.#succeeded - answered;
    this.#admitted = this.#succeeded;
    this.#answered = 0;
    this.#succeed(answered, answered);
  }

  /** @param slots How many of them have none any more. */
  #succeed(probes: number, slots: number): void {
    this.#succeeded += probes;
    this.#admitted += slots;
    if (this.#succeeded >= this.#probes) this.#close();
  }

  #open(cause: Cause): void {
    const { openMs, maxOpenMs, clock, random, observer } = this.#settings;
    const ms = Math.min(openMs * 2 ** this.#openings, maxOpenMs);
    const forMs = ms / 2 + (random() * ms) / 2;
    this.#begin(false);
    this.#openings++;
    this.#until = clock.now() + forMs;
    this.#reason = cause.reason;
    observer?.opened?.({ ...cause, forMs });
  }

  #close(): void {
    this.#begin(true);
    this.#openings = 0;
    this.#tally.reset();
    this.#settings.observer?.closed?.();
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
