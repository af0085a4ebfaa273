import { oneshot } from "@pagoda/core";
import { type Mock, mockService, settled } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { balance, roundRobin } from "@pagoda/balance";
import { candidates } from "./candidates.ts";
import { fakeDiscovery } from "./fake-discovery.ts";

describe("property: roundRobin", () => {
  const readiness = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });

  /** Number of picks of each candidate. */
  function count(ready: readonly boolean[], picks: number): number[] {
    const counts = ready.map(() => 0);
    const strategy = roundRobin();
    strategy.update(candidates(ready));
    for (let pick = 0; pick < picks; pick++) {
      const picked = strategy.pick(undefined, 0);
      if (picked >= 0) counts[picked]!++;
    }
    return counts;
  }

  test("spreads within one call over the ready endpoints", () => {
    fc.assert(
      fc.property(readiness, fc.nat(200), (ready, picks) => {
        const counts = count(ready, picks);
        const ofReady = counts.filter((_, n) => ready[n]);
        expect(counts.filter((_, n) => !ready[n]).every((calls) => calls === 0)).toBe(true);
        if (ofReady.length === 0) return;
        expect(ofReady.reduce((sum, calls) => sum + calls, 0)).toBe(picks);
        expect(Math.max(...ofReady) - Math.min(...ofReady)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("spreads exactly if all are ready", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(10), (size, rounds) => {
        const all = Array.from({ length: size }, () => true);
        expect(count(all, size * rounds)).toEqual(all.map(() => rounds));
      }),
    );
  });

  test("picks a ready endpoint if there is any, for any sequence of lists", () => {
    fc.assert(
      fc.property(fc.array(readiness), (lists) => {
        const strategy = roundRobin();
        for (const ready of lists) {
          strategy.update(candidates(ready));
          const picked = strategy.pick(undefined, 0);
          expect(ready[picked] ?? false).toBe(ready.includes(true));
        }
      }),
    );
  });
});

type Step =
  | { readonly do: "come" | "go"; readonly key: string }
  | { readonly do: "admit"; readonly key: string; readonly limit: number }
  | { readonly do: "call" }
  | { readonly do: "leave" | "answer"; readonly which: number };

describe("property: a balancer whose endpoints are added and removed", () => {
  const key = fc.constantFrom("a", "b", "c", "d");
  const which = fc.nat(1_000);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constantFrom("come" as const, "go" as const), key }),
    fc.record({ do: fc.constant("admit" as const), key, limit: fc.nat(2) }),
    fc.record({ do: fc.constant("call" as const) }),
    fc.record({ do: fc.constantFrom("leave" as const, "answer" as const), which }),
  );

  test("calls no removed or unready endpoint, and no caller waits forever", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.boolean()), { minLength: 5, maxLength: 60 }),
        fc.boolean(),
        async (steps, lastStays) => {
          const world = new World(lastStays);
          for (const [each, settle] of steps) {
            world.take(each);
            if (settle) await settled();
          }
          await world.finish();
          expect(world.calledAfterGone).toBe(0);
          expect(world.uninvited).toBe(0);
          expect(world.done).toBe(world.callers.length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Endpoints, callers, and a balancer between them. */
class World {
  readonly callers: AbortController[] = [];
  done = 0;
  calledAfterGone = 0;
  readonly #connected: Mock<number, number, never>[] = [];
  /** The mocks of the present endpoints. */
  readonly #present = new Map<string, Mock<number, number, never>>();
  readonly #keys = new Set<string>();
  readonly #fake = fakeDiscovery([]);
  readonly #balanced = balance({
    discovery: this.#fake.discovery,
    connect: ({ key }) => {
      const mock = mockService<number, number, never>(key);
      mock.admit(0);
      this.#connected.push(mock);
      this.#present.set(key, mock);
      const { service } = mock;
      return {
        ...service,
        call: (request: number, signal?: AbortSignal) => {
          if (this.#present.get(key) !== mock) this.calledAfterGone++;
          return service.call(request, signal);
        },
      };
    },
  });

  /**
   * @param lastStays Whether the endpoint `last` is present from the start; otherwise it is added
   * at the end.
   */
  constructor(lastStays: boolean) {
    if (lastStays) this.take({ do: "come", key: "last" });
  }

  get uninvited(): number {
    return this.#connected.reduce((sum, mock) => sum + mock.uninvited, 0);
  }

  take(step: Step): void {
    switch (step.do) {
      case "come":
        this.#keys.add(step.key);
        this.#fake.set(...this.#keys);
        break;
      case "go":
        this.#keys.delete(step.key);
        this.#present.delete(step.key);
        this.#fake.set(...this.#keys);
        break;
      case "admit":
        this.#present.get(step.key)?.admit(step.limit);
        break;
      case "call": {
        const caller = new AbortController();
        const request = this.callers.push(caller);
        void oneshot(this.#balanced, request, caller.signal).then(() => this.done++);
        break;
      }
      case "leave":
        at(this.callers, step.which)?.abort();
        break;
      case "answer":
        at(
          this.#connected.flatMap(({ calls }) => calls),
          step.which,
        )?.answer(0);
    }
  }

  /** Once `last` admits one call at a time and each call is answered, every caller gets a turn. */
  async finish(): Promise<void> {
    if (!this.#keys.has("last")) this.take({ do: "come", key: "last" });
    this.#present.get("last")?.admit(1);
    for (let round = 0; round <= this.callers.length; round++) {
      await settled();
      for (const { calls } of this.#connected) for (const call of calls) call.answer(0);
    }
    await settled();
  }
}

function at<T>(list: readonly T[], which: number): T | undefined {
  return list[which % list.length];
}
