import assert from "node:assert/strict";
import type { Clock, Outcome } from "@pagoda/core";

export interface ModelCall {
  /** The closed or half-open period in which it was admitted. */
  readonly era: number;
}

/**
 * A model of the breaker, as simple as possible: it keeps all results of the current period and
 * counts them.
 */
export class Model {
  readonly #clock: Clock;
  readonly #failures: number;
  readonly #probes: number;
  #era = 0;
  #isClosed = true;
  #until = 0;
  #doublings = 0;
  #ended: Outcome["kind"][] = [];
  #begun = 0;
  readonly #expected: string[] = [];
  readonly #heard: string[] = [];

  constructor(clock: Clock, failures: number, probes: number) {
    this.#clock = clock;
    this.#failures = failures;
    this.#probes = probes;
  }

  phase(): string {
    if (this.#isClosed) return "closed";
    return this.#clock.now() >= this.#until ? "half-open" : "open";
  }

  call(): ModelCall | undefined {
    const phase = this.phase();
    const undecided = this.#begun - this.#ended.filter((kind) => kind === "neutral").length;
    if (phase === "open" || (phase === "half-open" && undecided >= this.#probes)) return undefined;
    if (phase === "half-open" && this.#begun === 0) this.#expected.push("halfOpened");
    this.#begun++;
    return { era: this.#era };
  }

  end({ era }: ModelCall, kind: Outcome["kind"]): void {
    if (era !== this.#era) return;
    this.#ended.push(kind);
    const decisive = this.#ended.filter((each) => each === "success" || each === "failure");
    if (this.#isClosed) {
      const last = decisive.slice(-this.#failures);
      const failed = last.length === this.#failures && last.every((each) => each === "failure");
      if (kind === "failure" && failed) this.#enter(false);
    } else if (kind === "failure" || kind === "limited") {
      this.#doublings++;
      this.#enter(false);
    } else if (decisive.length === this.#probes) {
      this.#doublings = 0;
      this.#enter(true);
    }
  }

  observed(event: string, forMs?: number): void {
    this.#heard.push(event);
    if (forMs === undefined) return;
    const whole = Math.min(100 * 2 ** this.#doublings, 400);
    assert.ok(forMs >= whole / 2 && forMs <= whole, `open for ${forMs}`);
    this.#until = this.#clock.now() + forMs;
  }

  check(): void {
    assert.deepEqual(this.#heard, this.#expected);
  }

  #enter(isClosed: boolean): void {
    this.#era++;
    this.#isClosed = isClosed;
    this.#ended = [];
    this.#begun = 0;
    this.#expected.push(isClosed ? "closed" : "opened");
  }
}
