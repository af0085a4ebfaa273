import { notShown } from "./bare-url.ts";
import { longestTimerMs } from "./clock.ts";
import { shown } from "./problems.ts";

/** A number, or another option as a record with one entry: `{ baseMs }` reads `baseMs (25)` in the message. */
export type Bound = number | { readonly [option: string]: number };

/** What an option may be. A number is finite, unless `max` is `Infinity`. */
export interface Bounds {
  /** The least value. */
  readonly min?: Bound;
  /** The greatest value. */
  readonly max?: Bound;
  /** Excluded, and so is all below. */
  readonly above?: Bound;
  /** Excluded, and so is all above. */
  readonly below?: Bound;
}

/**
 * The one form in which everything says that a value makes no sense: `<name> must be <expected> (got <value>)`. Strings are
 * quoted, long values cut, and `undefined` is `missing`.
 *
 * @param name What it is the value of: `retry: attempts`, `routes[3].weight`.
 * @param value {@link notShown} for a secret, or what could be one by mistake.
 */
export function mustBe(name: string, expected: string, value: unknown): string {
  const got =
    value === undefined ? "missing" : value === notShown ? "value not shown" : `got ${shown(value)}`;
  return `${name} must be ${expected} (${got})`;
}

/** An option is invalid. Its parts are for callers with a place of their own for it, such as a configuration file. */
export interface OptionError extends RangeError {
  /** The option, without its factory: `attempts`. */
  readonly option: string;
  /** `must be an integer from 1 to 100 (got 0)`. */
  readonly requirement: string;
}

export function isOptionError(error: unknown): error is OptionError {
  return error instanceof RangeError && "option" in error && "requirement" in error;
}

/** The error of a factory for an option that makes no sense: {@link mustBe}, with the factory first in the name. */
export function rangeError(name: string, expected: string, value: unknown, cause?: unknown): OptionError {
  const error = new RangeError(mustBe(name, expected, value), cause === undefined ? {} : { cause });
  // Not shown beside the message, which has both.
  return Object.defineProperties(error, {
    option: { value: name.slice(name.lastIndexOf(": ") + 1).trim() },
    requirement: { value: mustBe("", expected, value).trim() },
  }) as OptionError;
}

/** Throws {@link rangeError} unless the option is valid. */
export function checkOption(name: string, value: unknown, isValid: boolean, expected: string): void {
  if (!isValid) throw rangeError(name, expected, value);
}

/**
 * Throws unless the option is a number within the bounds.
 *
 * @example checkNumber("hedge: maxExtraLoad", maxExtraLoad, { min: 0, below: 1 });
 */
export function checkNumber(name: string, value: number, bounds: Bounds = {}): void {
  const isValid = typeof value === "number" && isWithin(value, bounds);
  if (!isValid) throw rangeError(name, `a number${within(bounds)}`, value);
}

/**
 * Throws unless the option is an integer within the bounds, or `Infinity` where that is their `max`.
 *
 * @example checkInteger("retry: attempts", attempts, { min: 1, max: 100 });
 */
export function checkInteger(name: string, value: number, bounds: Bounds = {}): void {
  const isValid = (Number.isSafeInteger(value) || value === Infinity) && isWithin(value, bounds);
  if (!isValid) throw rangeError(name, `an integer${within(bounds)}`, value);
}

/**
 * Throws unless the option is a time that the platform's timers can wait: above 0 unless told otherwise, and at most
 * {@link longestTimerMs}.
 *
 * @example checkDuration("retry: maxMs", maxMs, { min: { baseMs } });
 */
export function checkDuration(name: string, ms: number, bounds: Bounds = { above: 0 }): void {
  checkNumber(name, ms, { max: longestTimerMs, ...bounds });
}

/** Throws unless the option is one of the values. */
export function checkOneOf(name: string, value: unknown, values: readonly unknown[]): void {
  if (!values.includes(value)) throw rangeError(name, oneOf(values), value);
}

/** Values in a message: `"full", "equal" or "none"`. */
export function oneOf(values: readonly unknown[]): string {
  const texts = values.map((value) => (value === undefined ? "undefined" : shown(value)));
  const last = texts.pop() ?? "";
  return texts.length === 0 ? last : `${texts.join(", ")} or ${last}`;
}

function isWithin(value: number, { min, max, above, below }: Bounds): boolean {
  return (
    (min === undefined ? value > -Infinity : value >= numberOf(min)) &&
    (max === undefined ? value < Infinity : value <= numberOf(max)) &&
    (above === undefined || value > numberOf(above)) &&
    (below === undefined || value < numberOf(below))
  );
}

/** The bounds in a message: ` from 1 to 100`, ` of at least 1`, ` above 0 and at most 1`. */
function within({ min, max, above, below }: Bounds): string {
  if (
    min !== undefined &&
    max !== undefined &&
    max !== Infinity &&
    above === undefined &&
    below === undefined
  )
    return ` from ${textOf(min)} to ${textOf(max)}`;
  const parts = [
    above !== undefined && `above ${textOf(above)}`,
    min !== undefined && `of at least ${textOf(min)}`,
    below !== undefined && `below ${textOf(below)}`,
    max !== undefined && max !== Infinity && `at most ${textOf(max)}`,
  ].filter((part) => part !== false);
  const text = parts.length === 0 ? "" : ` ${parts.join(" and ")}`;
  return max === Infinity ? `${text}, or Infinity` : text;
}

function numberOf(bound: Bound): number {
  return typeof bound === "number" ? bound : (Object.values(bound)[0] as number);
}

function textOf(bound: Bound): string {
  if (typeof bound === "number") return String(bound);
  return Object.entries(bound)
    .map(([option, value]) => `${option} (${value})`)
    .join(" ");
}
