import { type Bound, holds } from "../scenario/bound.ts";
import type { Expected } from "../scenario/schema.ts";
import type { Simulation } from "../result.ts";
import { msText, numberText, percentText } from "./format.ts";

/** A number that says how well a configuration did. */
export interface Measurement {
  /** Its field in `expect`. */
  readonly field: keyof Expected;
  readonly title: string;
  /** NaN if there was nothing to measure. */
  of(simulation: Simulation): number;
  text(value: number): string;
}

/** What `expect` can bound, and reports show first. */
export const measurements: readonly Measurement[] = [
  { field: "success", title: "success", of: ({ success }) => success, text: percentText },
  { field: "p50", title: "latency p50", of: ({ latency }) => latency?.p50 ?? NaN, text: msText },
  { field: "p90", title: "latency p90", of: ({ latency }) => latency?.p90 ?? NaN, text: msText },
  { field: "p99", title: "latency p99", of: ({ latency }) => latency?.p99 ?? NaN, text: msText },
  { field: "p999", title: "latency p99.9", of: ({ latency }) => latency?.p999 ?? NaN, text: msText },
  {
    field: "amplification",
    title: "amplification",
    of: ({ amplification }) => amplification ?? NaN,
    text: numberText,
  },
];

/** The expectations that a simulation does not meet, a line each. */
export function unmet(expected: Expected, simulation: Simulation): readonly string[] {
  return measurements.flatMap(({ field, of, text }) => {
    const bound: Bound | undefined = expected[field];
    if (bound === undefined) return [];
    const value = of(simulation);
    return holds(bound, value) ? [] : [`${field} must be ${bound.text} (got ${text(value)})`];
  });
}
