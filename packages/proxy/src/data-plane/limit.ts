import { aimd, gradient2, type LimitAlgorithm, vegas } from "@pagoda/concurrency-limit";
import type { ConcurrencyPolicy } from "../config/schema/policies.ts";
import { given } from "./given.ts";

const algorithms = { aimd, gradient2, vegas } as const;

/** How many calls at once, or how that is found out. */
export function limitOf(policy: ConcurrencyPolicy): number | LimitAlgorithm {
  if (typeof policy === "number") return policy;
  const { algorithm, ...options } = policy;
  return algorithms[algorithm](given(options));
}
