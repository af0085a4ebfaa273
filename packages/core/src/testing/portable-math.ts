import type { Random } from "../random.ts";

/**
 * The natural logarithm of a number above 0, the same to the last bit on every engine. The rounding of
 * `Math.log` depends on the engine; here only `+ - * /` are used, which IEEE 754 defines.
 *
 * Cost: about 30 ns.
 */
export function portableLog(x: number): number {
  let mantissa = x;
  let halvings = 0;
  for (; mantissa < 0.5 && mantissa > 0; halvings++) mantissa *= 2;
  for (; mantissa > 1; halvings--) mantissa /= 2;
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let term = 25; term >= 1; term -= 2) sum = sum * square + 1 / term;
  return 2 * s * sum - halvings * Math.LN2;
}

/**
 * The exponential of a number within ±700, the same to the last bit on every engine, with a relative
 * error below 10⁻¹².
 */
export function portableExp(x: number): number {
  let halvings = 0;
  let reduced = x;
  for (; Math.abs(reduced) > 0.25; halvings++) reduced /= 2;
  let sum = 1;
  for (let term = 14; term >= 1; term--) sum = 1 + (reduced / term) * sum;
  for (; halvings > 0; halvings--) sum *= sum;
  return sum;
}

/** Draws the time between two independent arrivals, the same on every engine. */
export function exponentialTime(random: Random, mean: number): number {
  return -portableLog(1 - random()) * mean;
}
