import type { Random } from "@pagoda/core";
import {
  type Candidate,
  type HashingOptions,
  maglev,
  type MaglevOptions,
  ringHash,
  type RingHashOptions,
  type Strategy,
} from "@pagoda/balance";
import { crowdOf } from "./crowd.ts";

/** A request with a key, or without. */
export type Keyed = string | undefined;
type Own = Partial<HashingOptions<Keyed>>;

export const key = (request: Keyed): Keyed => request;

/** The strategies that choose by key. */
export const hashings: readonly (readonly [string, (options?: Own) => Strategy<Keyed>])[] = [
  ["ring-hash", (options) => ringHash({ key, ...options })],
  ["maglev", (options) => maglev({ key, ...options })],
];

export function ring(options: Partial<RingHashOptions<Keyed>> = {}): Strategy<Keyed> {
  return ringHash({ key, ...options });
}

export function table(options: Partial<MaglevOptions<Keyed>> = {}): Strategy<Keyed> {
  return maglev({ key, ...options });
}

export const users: readonly string[] = Array.from({ length: 20_000 }, (_, n) => `user-${n}`);

/** Candidates with addresses as keys, identical unless overridden; getters stay getters. */
export function servers(count: number, of: (n: number) => Partial<Candidate> = () => ({})): Candidate[] {
  return crowdOf(count, (n) =>
    Object.defineProperties({ key: address(n) }, Object.getOwnPropertyDescriptors(of(n))),
  );
}

export function address(n: number): string {
  return `http://10.0.${n >> 8}.${n & 255}:8080`;
}

/** The endpoint's key for each request. */
export function mapping(
  strategy: Strategy<Keyed>,
  among: readonly Candidate[],
  requests: readonly Keyed[] = users,
): (string | undefined)[] {
  strategy.update(among);
  return requests.map((request) => among[strategy.pick(request, 0)]?.key);
}

/** Number of requests per endpoint. */
export function tally(strategy: Strategy<Keyed>, among: readonly Candidate[], requests = users): number[] {
  const counts = new Map(among.map((candidate) => [candidate.key, 0]));
  for (const endpoint of mapping(strategy, among, requests)) {
    counts.set(endpoint as string, (counts.get(endpoint as string) ?? 0) + 1);
  }
  return [...counts.values()];
}

/** Fraction of requests that move. */
export function moved(before: readonly Keyed[], after: readonly Keyed[]): number {
  return before.filter((endpoint, n) => endpoint !== after[n]).length / before.length;
}

/** Shuffles a list. */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
