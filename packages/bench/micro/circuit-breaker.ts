import { Breaker } from "@pagoda/circuit-breaker";
import type { Group } from "./subject.ts";

export const breakers: Group = {
  name: "circuit-breaker",
  subjects: [
    {
      what: "circuit-breaker check, closed",
      prepare() {
        // With a single breaker the compiler would hoist the check out of the loop.
        const breakers = Array.from({ length: 64 }, () => new Breaker());
        let at = 0;
        return { run: () => (breakers[++at & 63] as Breaker).admits() };
      },
      target: { leastMillionsPerSecond: 50 },
    },
  ],
};
