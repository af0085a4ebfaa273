import { notShown } from "./redact-url.ts";
import { maxTimerMs } from "./clock.ts";
import { formatValue } from "./problems.ts";

/**
 * A number, or another option as a record with one entry: `{ baseMs }` reads `baseMs (25)` in the
 * message.
 */
export type Bound = number | { readonly [option: string]: number };

/** The range of a numeric option. Values must be finite unless `max` is `Infinity`. */
export interface Bounds {
  /** Inclusive minimum. */
  readonly min?: Bound;
  /** Inclusive maximum. */
  readonly max?: Bound;
  /** Exclusive minimum. */
  readonly above?: Bound;
  /** Exclusive maximum. */
  readonly below?: Bound;
}

/**
 * Formats every message about an invalid value: `<name> must be <expected> (got <value>)`. Strings
 * are quoted, long values cut, and `undefined` is shown as `missing`.
 *
 * @param name What the value belongs to: `retry: attempts`, `routes[3].weight`.
 * @param value The value, or {@link notShown} for a secret or what might be one by mistake.
 */
export function mustBe(name: string, expected: string, value: unknown): string {
  const got =
    value === undefined ? "missing" : value === notShown ? "value not shown" : `got ${formatValue(value)}`;
  return `${name} must be ${expected} (${got})`;
}

/**
 * An option is invalid. Its parts are for callers that report options under another name, such as a
 * configuration file.
 */
export interface OptionError extends RangeError {
  /** The option, without its factory: `attempts`. */
  readonly option: string;
  /** `must be an integer from 1 to 100 (got 0)`. */
  readonly requirement: string;
}

export function isOptionError(error: unknown): error is OptionError {
  return error instanceof RangeError && "option" in error && "requirement" in error;
}

/**
 * Returns a factory's error for an invalid option: {@link mustBe}, with the factory first in the
 * name.
 */
export function rangeError(name: string, expected: string, value: unknown, cause?: unknown): OptionError {
  const error = new RangeError(mustBe(name, expected, value), cause === undefined ? {} : { cause });
  // Not enumerable: the message already contains both.
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
 * Throws unless the option is an integer within the bounds, or `Infinity` where that is their
 * `max`.
 *
 * @example checkInteger("retry: attempts", attempts, { min: 1, max: 100 });
 */
export function checkInteger(name: string, value: number, bounds: Bounds = {}): void {
  const isValid = (Number.isSafeInteger(value) || value === Infinity) && isWithin(value, bounds);
  if (!isValid) throw rangeError(name, `an integer${within(bounds)}`, value);
}

/**
 * Throws unless the option is a delay that the platform's timers support: at most
 * {@link maxTimerMs}, and above 0 unless `bounds` differ.
 *
 * @example checkDuration("retry: maxMs", maxMs, { min: { baseMs } });
 */
export function checkDuration(name: string, ms: number, bounds: Bounds = { above: 0 }): void {
  checkNumber(name, ms, { max: maxTimerMs, ...bounds });
}

/** Throws unless the option is one of the values. */
export function checkOneOf(name: string, value: unknown, values: readonly unknown[]): void {
  if (!values.includes(value)) throw rangeError(name, oneOf(values), value);
}

/** Lists values for a message: `"full", "equal" or "none"`. */
export function oneOf(values: readonly unknown[]): string {
  const texts = values.map((value) => (value === undefined ? "undefined" : formatValue(value)));
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

/** Describes bounds for a message: ` from 1 to 100`, ` of at least 1`, ` above 0 and at most 1`. */
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
