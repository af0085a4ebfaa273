import type { Candidate, Strategy } from "@pagoda/balance";
import { candidates } from "./candidates.ts";

/** `count` candidates, ready unless overridden; getters stay getters. */
export function crowdOf(size: number, of: (n: number) => Partial<Candidate>): Candidate[] {
  return candidates(Array.from({ length: size }, () => true)).map((candidate, n) =>
    Object.defineProperties(candidate, Object.getOwnPropertyDescriptors(of(n))),
  );
}

/** Ready candidates of these weights. */
export function weighing(...weights: readonly number[]): Candidate[] {
  return crowdOf(weights.length, (n) => ({ weight: weights[n] as number }));
}

/** Number of picks of each. */
export function counts(strategy: Strategy, among: readonly Candidate[], picks: number): number[] {
  const picked = among.map(() => 0);
  strategy.update(among);
  for (let pick = 0; pick < picks; pick++) picked[strategy.pick(undefined, 0)]!++;
  return picked;
}

/** Each weight's share of the sum, 0 to 1. */
export function shares(weights: readonly number[]): number[] {
  const greatest = Math.max(...weights);
  const sum = weights.reduce((total, weight) => total + weight / greatest, 0);
  return weights.map((weight) => weight / greatest / sum);
}
