import { type Clock, systemClock } from "./clock.ts";
import { checkNumber } from "./options.ts";

/** Meters how many calls may be made beside the ones that were asked for. Stacks may share one. */
export interface Budget {
  /** A call was asked for. */
  deposit(): void;
  /** Takes one further call out of the budget. `false`: it is spent. */
  withdraw(): boolean;
  /** Further calls that could be made now. */
  readonly left: number;
}

export interface BudgetOptions {
  /** Further calls for each call asked for: 0 to 1,000. Default 0.2. */
  readonly ratio?: number;
  /** Further calls a second that are allowed whatever is asked for: 0 or more. Default 10. */
  readonly minPerSecond?: number;
  /** How long a call asked for counts: milliseconds, at least 10. Default 10,000. */
  readonly windowMs?: number;
  readonly clock?: Clock;
}

/** The window moves in steps of a hundredth. */
const slots = 100;

/**
 * A budget that grows with the calls asked for: in any span as long as the window, it gives no more further calls than
 * `ratio` times the calls asked for in it, and `minPerSecond` times the window. When all calls fail, retries multiply
 * the load by `1 + ratio`, not by the number of tries.
 *
 * The window moves in hundredths. What was given counts for one hundredth longer than what was asked for, so that the
 * bound holds wherever a span begins; up to 1% of the budget is the price.
 *
 * Cost: about 60 ns for each call, most of it the reading of the clock.
 *
 * Source: Finagle's `RetryBudget`, Tower's `tps_budget`; they move in tenths, and Tower rounds the ratio.
 *
 * @throws RangeError when an option is out of range.
 */
export function budget({
  ratio = 0.2,
  minPerSecond = 10,
  windowMs = 10_000,
  clock = systemClock,
}: BudgetOptions = {}): Budget {
  checkNumber("budget: ratio", ratio, { min: 0, max: 1_000 });
  checkNumber("budget: minPerSecond", minPerSecond, { min: 0 });
  checkNumber("budget: windowMs", windowMs, { min: 10 });

  const slotMs = windowMs / slots;
  const reserve = (minPerSecond * windowMs) / 1_000;
  const deposits = Array.from({ length: slots }, () => 0);
  const withdrawals = Array.from({ length: slots + 1 }, () => 0);
  let deposited = 0;
  let withdrawn = 0;
  let slot = Math.floor(clock.now() / slotMs);

  /** Moves the window up to now. */
  function move(): void {
    const now = Math.floor(clock.now() / slotMs);
    if (now === slot) return;
    for (let next = Math.max(slot + 1, now - slots); next <= now; next++) {
      deposited -= deposits[next % slots] as number;
      deposits[next % slots] = 0;
      withdrawn -= withdrawals[next % (slots + 1)] as number;
      withdrawals[next % (slots + 1)] = 0;
    }
    slot = now;
  }

  /** Whole further calls; what floating point loses does not cost one. */
  const left = (): number => Math.max(0, Math.floor(ratio * deposited + reserve - withdrawn + 1e-9));

  return {
    deposit() {
      move();
      deposits[slot % slots] = (deposits[slot % slots] as number) + 1;
      deposited++;
    },
    withdraw() {
      move();
      if (left() < 1) return false;
      withdrawals[slot % (slots + 1)] = (withdrawals[slot % (slots + 1)] as number) + 1;
      withdrawn++;
      return true;
    },
    get left() {
      move();
      return left();
    },
  };
}
