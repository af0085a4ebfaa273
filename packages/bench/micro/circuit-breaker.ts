import { Breaker, circuitBreaker } from "@pagoda/circuit-breaker";
import { service } from "@pagoda/core";
import { right } from "fp-ts/lib/Either.js";
import type { Group } from "./subject.ts";

export const breakers: Group = {
  name: "circuit-breaker",
  subjects: [
    {
      what: "circuit-breaker check, closed",
      prepare() {
        // Of one breaker alone the compiler would ask only once.
        const breakers = Array.from({ length: 64 }, () => new Breaker());
        let at = 0;
        return { run: () => (breakers[++at & 63] as Breaker).admits() };
      },
      target: { leastMillionsPerSecond: 50 },
    },
    {
      what: "circuit-breaker layer around a resolved leaf, closed",
      prepare() {
        const answer = Promise.resolve(right(1));
        const layered = circuitBreaker()(service("leaf", (_request: string) => answer));
        return { run: () => layered.call("a") };
      },
      reason: "the leaf is in it, and the learning from its result",
    },
  ],
};
