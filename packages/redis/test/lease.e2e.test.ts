import { virtualClock } from "@pagoda/core/testing";
import { type Decision, type FullRate, type Grant, leased, type RemoteStore } from "@pagoda/rate-limit";
import { beforeEach, expect, test } from "vitest";
import { skipWithoutRedis } from "./redis-server.ts";
import { virtualScript } from "./virtual-script.ts";

beforeEach(({ skip }) => skipWithoutRedis(skip));

const limit: FullRate = { perSecond: 2_000, burst: 500 };
/** How long Redis takes to answer, in virtual time. */
const answerMs = 1;
const leaseMs = 20;

/** Machines that lease from a real Redis in virtual time. */
async function machines(count: number) {
  const redis = await virtualScript();
  const clock = virtualClock();
  const asked = new Set<Promise<Grant>>();
  let roundTrips = 0;
  const change = (calls: number): Promise<Grant> => {
    const reply = redis.change("a", limit, calls, clock.now()).finally(() => asked.delete(reply));
    asked.add(reply);
    return reply;
  };
  const remote: RemoteStore = {
    async take({ global }) {
      roundTrips++;
      const grant = await change(global);
      await new Promise<void>((resolve) => void clock.setTimer(answerMs, resolve));
      return { global: grant, keys: [] };
    },
    giveBack: ({ global }) => void change(-global),
  };
  const stores = Array.from({ length: count }, () =>
    leased(remote, { clock, leaseMs, unreachable: "deny" })({ global: limit, keyed: undefined }),
  );
  /** Advances time once Redis has answered all that was asked. */
  const advance = async (ms: number): Promise<void> => {
    while (asked.size > 0) await Promise.all(asked);
    await clock.advance(ms);
  };
  return { clock, stores, advance, roundTrips: () => roundTrips };
}

/** Calls at a constant rate on each machine. */
async function load(perSecondEach: number, seconds: number) {
  const { clock, stores, advance, roundTrips } = await machines(2);
  const admitted: number[] = [];
  const waits: number[] = [];
  let calls = 0;
  let waited = 0;
  const decided = (decision: Decision): void => void (decision === undefined && admitted.push(clock.now()));
  const stepMs = 1_000 / perSecondEach;
  for (let n = 0; n < seconds * perSecondEach; n++) {
    for (const store of stores) {
      calls++;
      const decision = store.take(undefined, clock.now());
      if (!(decision instanceof Promise)) {
        decided(decision);
        continue;
      }
      waited++;
      const since = clock.now();
      void decision.then((later) => {
        waits.push(clock.now() - since);
        decided(later);
      });
    }
    await advance(stepMs);
  }
  await advance(100);
  await advance(0);
  return { admitted, calls, waited, waits, roundTrips: roundTrips() };
}

test("at a steady rate all calls are admitted, and 90% of them in the same tick", async () => {
  const { admitted, calls, waited, waits, roundTrips } = await load(800, 2);
  expect(admitted).toHaveLength(calls);
  expect(waits).toHaveLength(waited);
  expect(waited / calls).toBeLessThan(0.1);
  expect(Math.max(...waits)).toBeLessThanOrEqual(50);
  // Per second and machine.
  expect(roundTrips / 4).toBeLessThan(100);
});

test("too many calls are never admitted above the limit, and use at least 97% of it", async () => {
  const seconds = 2;
  const { admitted, calls, waited, waits } = await load(3_000, seconds);
  expect(calls).toBe(12_000);
  expect(waits).toHaveLength(waited);
  const bound = (ms: number): number => limit.burst + (limit.perSecond * (ms + leaseMs + answerMs)) / 1_000;
  for (let from = 0; from < admitted.length; from += 50)
    for (let to = from; to < admitted.length; to += 50)
      expect(to - from + 1).toBeLessThanOrEqual(bound((admitted[to] as number) - (admitted[from] as number)));
  expect(admitted.length).toBeGreaterThan(0.97 * bound(seconds * 1_000));
});
