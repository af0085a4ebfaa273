export const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Parses `250ms`, `5s`, `1.5m` or `1h` to milliseconds. */
export const durations = { ms: 1, s: second, m: minute, h: hour };

/** Formats a duration as in a file. */
export function durationText(ms: number): string {
  return inUnits(ms, durations);
}

/** In the largest unit that divides it, else in the smallest. */
export function inUnits(value: number, units: Readonly<Record<string, number>>): string {
  const all = Object.entries(units).map(([unit, size]) => [exact(value / size), unit] as const);
  const [number, unit] = all.findLast(([number]) => number >= 1 && Number.isInteger(number)) ?? all[0] ?? [];
  return `${number}${unit}`;
}

/** Removes the rounding error of multiplication and division. */
export function exact(value: number): number {
  return Number(value.toPrecision(15));
}
