import { type VirtualClock, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dnsEndpoints, type Resolver } from "@pagoda/discovery";
import { coded } from "./fake-dns.ts";

/** The outcome of a resolution: addresses or a failure after some time, or silence. */
interface Step {
  readonly afterMs: number;
  readonly addresses: readonly number[];
  readonly ttl: number;
  readonly code: "" | "ESERVFAIL" | "ENOTFOUND" | "silent";
}

const step: fc.Arbitrary<Step> = fc.record({
  afterMs: fc.integer({ min: 0, max: 1_500 }),
  addresses: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
  ttl: fc.integer({ min: 0, max: 20 }),
  code: fc.constantFrom("", "", "", "ESERVFAIL", "ENOTFOUND", "silent"),
});

const bounds = { minTtlMs: 2_000, maxTtlMs: 9_000, failureMs: 1_000, maxFailureMs: 4_000, timeoutMs: 1_000 };

interface Resolution {
  readonly step: Step;
  readonly startedMs: number;
  endedMs: number;
}

/** A resolver that runs through the steps, and its record. */
function scripted(steps: readonly Step[], clock: VirtualClock) {
  const seen: Resolution[] = [];
  let underWay = 0;
  let most = 0;
  const cancels = new Set<() => void>();
  const resolver: Resolver = {
    resolve4: () => {
      const step = steps[seen.length % steps.length] as Step;
      const resolution: Resolution = { step, startedMs: clock.now(), endedMs: Infinity };
      seen.push(resolution);
      most = Math.max(most, ++underWay);
      return new Promise((resolve, reject) => {
        const end = (how: () => void): void => {
          cancels.delete(cancel);
          underWay--;
          resolution.endedMs = clock.now();
          how();
        };
        const cancel = (): void => {
          clock.clearTimer(timer);
          end(() => reject(coded("ECANCELLED")));
        };
        const { afterMs, addresses, ttl, code } = step;
        const timer = clock.setTimer(code === "silent" ? 1e9 : afterMs, () =>
          end(() =>
            code === ""
              ? resolve(addresses.map((n) => ({ address: `10.0.0.${n}`, ttl })))
              : reject(coded(code)),
          ),
        );
        cancels.add(cancel);
      });
    },
    resolve6: () => Promise.reject(coded("ENODATA")),
    resolveSrv: () => Promise.reject(coded("ENODATA")),
    cancel() {
      for (const cancel of cancels) cancel();
    },
  };
  return { resolver, seen, most: () => most };
}

/** The model: the list according to the answers so far. */
function model(seen: readonly Resolution[], nowMs: number, emptyAfterMs: number): readonly string[] {
  let list: readonly string[] = [];
  let emptySinceMs: number | undefined;
  for (const { step, endedMs } of seen) {
    if (endedMs > nowMs || !isAnswered(step)) continue;
    if (step.code === "") {
      list = step.addresses.map((n) => `http://10.0.0.${n}:80`).toSorted();
      emptySinceMs = undefined;
    } else if (list.length > 0) {
      emptySinceMs ??= endedMs;
      if (endedMs - emptySinceMs >= emptyAfterMs) list = [];
    }
  }
  return list;
}

function isAnswered({ code, afterMs }: Step): boolean {
  return (code === "" || code === "ENOTFOUND") && afterMs < bounds.timeoutMs;
}

/** Time between this resolution and the next. */
function boundsOf({ code, afterMs, ttl }: Step): readonly [least: number, most: number] {
  const { minTtlMs, maxTtlMs, failureMs, maxFailureMs, timeoutMs } = bounds;
  if (code !== "" || afterMs >= timeoutMs) return [failureMs / 2, maxFailureMs];
  const dueMs = Math.min(Math.max(ttl * 1_000, minTtlMs), maxTtlMs);
  return [dueMs, dueMs];
}

describe("property: whatever DNS does", () => {
  test("keeps the last good list, resolves once at a time and on schedule, and leaves nothing behind", async () => {
    const steps = fc.array(step, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.constantFrom(0, 5_000, 30_000),
        fc.integer({ min: 0, max: 100_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (steps, emptyAfterMs, closeAtMs, chance) => {
          const clock = virtualClock();
          const { resolver, seen, most } = scripted(steps, clock);
          let lastSeen: readonly string[] = [];
          const options = { host: "api.test", port: 80, family: 4, ...bounds, emptyAfterMs } as const;
          const source = dnsEndpoints({ ...options, resolver, clock, random: () => chance });
          source.subscribe(() => {
            const now = source.endpoints.map(({ key }) => key);
            expect(now).not.toEqual(lastSeen);
            lastSeen = now;
          });
          for (let at = 0; at + 997 < closeAtMs; at += 997) {
            await clock.advance(997);
            expect(lastSeen).toEqual(model(seen, clock.now(), emptyAfterMs));
            expect(source.endpoints.map(({ key }) => key)).toEqual(lastSeen);
          }
          expect(most()).toBeLessThanOrEqual(1);
          for (const [at, { step, endedMs }] of seen.entries()) {
            const next = seen[at + 1];
            if (next === undefined) break;
            const [least, most] = boundsOf(step);
            expect(next.startedMs - endedMs).toBeGreaterThan(least - 0.001);
            expect(next.startedMs - endedMs).toBeLessThan(most + 0.001);
          }
          source.close();
          const before = seen.length;
          expect(clock.pending).toBe(0);
          await clock.advance(60_000);
          expect(seen.length).toBe(before);
        },
      ),
      { numRuns: 150 },
    );
  });
});
