/** The longest time that timers of the platform can take. */
export const maxMs = 2_147_483_647;

/** Checks the options of one factory: each method throws `RangeError` naming option, value and what is valid. */
export class Range {
  readonly #factory: string;

  constructor(factory: string) {
    this.#factory = factory;
  }

  /** A time that a timer can wait. */
  time(name: string, ms: number, leastMs?: { readonly name: string; readonly ms: number }): void {
    if (leastMs === undefined) this.is(name, ms, ms > 0 && ms <= maxMs, `over 0, at most ${maxMs}`);
    else {
      const valid = `from ${leastMs.name}, ${leastMs.ms}, to ${maxMs}`;
      this.is(name, ms, ms >= leastMs.ms && ms <= maxMs, valid);
    }
  }

  share(name: string, value: number): void {
    this.is(name, value, value >= 0 && value <= 1, "0 to 1");
  }

  count(name: string, value: number): void {
    this.is(name, value, Number.isSafeInteger(value) && value >= 1, "a whole number of at least 1");
  }

  /** A count that may be out of reach. */
  countOrNever(name: string, value: number): void {
    const isValid = value === Infinity || (Number.isSafeInteger(value) && value >= 1);
    this.is(name, value, isValid, "a whole number of at least 1, or Infinity");
  }

  is(name: string, value: number | string, isValid: boolean, valid: string): void {
    if (!isValid) throw new RangeError(`${this.#factory}: ${name} is ${value}; valid is ${valid}`);
  }
}
