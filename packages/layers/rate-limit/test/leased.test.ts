import { settled, virtualClock } from "@pagoda/core/testing";
import {
  type Decision,
  lease,
  leased,
  type LeaseGrants,
  type CallCounts,
  type LeasedOptions,
  type RemoteStore,
  type Rates,
  sharedMemory,
  sharedStore,
  type Store,
  takeBack,
} from "@pagoda/rate-limit";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const over = (perSecond: number, burst: number): Rates => ({
  global: { perSecond, burst },
  keyed: undefined,
});
const each = (perSecond: number, burst: number): Rates => ({
  global: undefined,
  keyed: { perSecond, burst },
});

/** A store, clients that lease from it, and a link with latency. */
function places(
  rates: Rates,
  { delayMs = 1, ...options }: LeasedOptions & { readonly delayMs?: number } = {},
) {
  const clock = virtualClock();
  const memory = sharedMemory({ maxKeys: 100 });
  const epoch = new Float64Array(memory, 16, 1)[0] as number;
  const store = sharedStore(memory, { sharedNow: () => epoch + clock.now() })(rates);
  const link = { asks: 0, isUp: true };
  const remote: RemoteStore = {
    take(ask) {
      link.asks++;
      const { promise, resolve } = Promise.withResolvers<LeaseGrants>();
      if (link.isUp) clock.setTimer(delayMs, () => resolve(lease(store, ask, clock.now())));
      return promise;
    },
    giveBack: (calls) => takeBack(store, calls),
  };
  const place = (): Store => leased(remote, { clock, ...options })(rates);
  const decided = async (at: Store, key?: string): Promise<Decision> => {
    const decision = at.take(key, clock.now());
    if (!(decision instanceof Promise)) return decision;
    await clock.advance(delayMs);
    return decision;
  };
  return { clock, store, link, place, decided };
}

describe("leased", () => {
  test("clients together are admitted exactly one burst", async () => {
    const { place, decided } = places(over(1, 10));
    const [one, other] = [place(), place()];
    const decisions = [];
    for (let at = 0; at < 20; at++) decisions.push(await decided(at % 2 === 0 ? one : other));
    expect(decisions.filter((decision) => decision === undefined)).toHaveLength(10);
  });

  test("each key is admitted exactly its burst", async () => {
    const { place, decided } = places(each(0.001, 3));
    const [one, other] = [place(), place()];
    for (const key of ["a", "b"]) {
      const decisions = [];
      for (let at = 0; at < 8; at++) decisions.push(await decided(at % 2 === 0 ? one : other, key));
      expect(decisions.filter((decision) => decision === undefined)).toHaveLength(3);
      expect(decisions.at(-1)).toMatchObject({ limit: "keyed" });
    }
  });

  test("sprayed keys are forgotten when they have not called for two leases", async () => {
    const { clock, place } = places(each(1_000, 4), { leaseMs: 20 });
    const store = place();
    const perMs = 250;
    let most = 0;
    for (let ms = 0; ms < 200; ms++) {
      for (let at = 0; at < perMs; at++) void store.take(`client ${ms} ${at}`, clock.now());
      await clock.advance(1);
      most = Math.max(most, Number(store.state(clock.now())["keys"]));
    }
    // Two leases and their answers, and the time until the next sweep.
    expect(most).toBeLessThanOrEqual(perMs * (2 * 21 + 20 + 1));
    await clock.advance(100);
    expect(store.state(clock.now())).toMatchObject({ keys: 0 });
  });

  test("retryAfterMs is exact", async () => {
    const { clock, place, decided } = places(over(1, 1));
    const store = place();
    expect(await decided(store)).toBeUndefined();
    const refused = (await decided(store)) as { readonly retryAfterMs: number };
    expect(refused.retryAfterMs).toBeCloseTo(999, 3);
    await clock.advance(refused.retryAfterMs);
    expect(await decided(store)).toBeUndefined();
  });

  test("a call refused by one limit spends nothing of the other", async () => {
    const rates: Rates = { global: { perSecond: 0.001, burst: 5 }, keyed: { perSecond: 0.001, burst: 1 } };
    const { clock, store, place, decided } = places(rates);
    const one = place();
    expect(await decided(one, "a")).toBeUndefined();
    for (let at = 0; at < 10; at++) {
      expect(await decided(one, "a")).toMatchObject({ limit: "keyed" });
      await clock.advance(50);
    }
    expect(store.state(clock.now())["globalLeft"]).toBe(4);
  });

  test("most calls at a steady rate are decided synchronously", async () => {
    const { clock, link, place } = places(over(10_000, 1_000));
    const store = place();
    let waited = 0;
    const all: Promise<Decision>[] = [];
    for (let at = 0; at < 4_000; at++) {
      const decision = store.take(undefined, clock.now());
      if (decision instanceof Promise) waited++;
      all.push(Promise.resolve(decision));
      await clock.advance(0.5);
    }
    await clock.advance(10);
    expect(await Promise.all(all)).toEqual(all.map(() => undefined));
    expect(waited / 4_000).toBeLessThan(0.05);
    expect(link.asks).toBeLessThan(400);
  });

  test("unused calls are given back after a lease", async () => {
    const { clock, store, place } = places(over(0.001, 400));
    const one = place();
    for (let at = 0; at < 60; at++) {
      void one.take(undefined, clock.now());
      await clock.advance(2);
    }
    expect(one.state(clock.now())["globalLeased"]).toBeGreaterThan(0);
    await clock.advance(100);
    expect(one.state(clock.now())["globalLeased"]).toBe(0);
    expect(store.state(clock.now())["globalLeft"]).toBe(340);
    expect(clock.pending).toBe(0);
  });

  test("property: at most burst plus rate times span, lease and answer pass", async () => {
    const call = fc.record({ place: fc.nat(2), afterMs: fc.integer({ min: 0, max: 15 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(10, 100, 1_000),
        fc.integer({ min: 1, max: 50 }),
        fc.array(call, { minLength: 1, maxLength: 300 }),
        async (perSecond, burst, calls) => {
          const { clock, place } = places(over(perSecond, burst));
          const all = [place(), place(), place()];
          const admitted: number[] = [];
          for (const { place: at, afterMs } of calls) {
            await clock.advance(afterMs);
            const decision = (all[at] as Store).take(undefined, clock.now());
            if (decision === undefined) admitted.push(clock.now());
            else if (decision instanceof Promise)
              void decision.then((later) => later === undefined && admitted.push(clock.now()));
          }
          await clock.advance(100);
          const excess = admitted.flatMap((from, first) =>
            admitted
              .slice(first)
              .map((to, more) => more + 1 - burst - ((to - from + 21) / 1_000) * perSecond),
          );
          expect(Math.max(0, ...excess)).toBeLessThan(1e-6);
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([
    ["allow", 20],
    ["deny", 0],
    [{ share: 0.5 }, 5],
  ] as const)("while the store does not answer, %j admits %i of 20", async (unreachable, admitted) => {
    const { clock, link, place } = places(over(1, 10), { unreachable });
    link.isUp = false;
    const store = place();
    const waiting = store.take(undefined, clock.now());
    await clock.advance(50);
    const decisions = [await waiting];
    for (let at = 1; at < 20; at++) decisions.push(await store.take(undefined, clock.now()));
    expect(decisions.filter((decision) => decision === undefined)).toHaveLength(admitted);
    expect(link.asks).toBe(1);
    expect(store.state(clock.now())).toMatchObject({ isReachable: false });
  });

  test("deny refuses keys without a global limit, and admits calls without a key (defect: threw)", async () => {
    const { clock, link, place } = places(each(1, 10), { unreachable: "deny" });
    link.isUp = false;
    const store = place();
    const waiting = store.take("a", clock.now());
    await clock.advance(50);
    expect(await waiting).toEqual({ limit: "keyed", retryAfterMs: 500, share: 0 });
    expect(store.take(undefined, clock.now())).toBeUndefined();
  });

  test("a share that decides is named, and what it has left is known", async () => {
    const { clock, link, place } = places(over(1, 10), { unreachable: { share: 0.2 } });
    link.isUp = false;
    const store = place();
    const waiting = store.take(undefined, clock.now());
    await clock.advance(50);
    expect(await waiting).toBeUndefined();
    expect(store.left?.(undefined, clock.now())).toEqual({ limit: "global", left: 1, burst: 2, share: 0.2 });
    expect(store.take(undefined, clock.now())).toBeUndefined();
    expect(store.take(undefined, clock.now())).toMatchObject({ limit: "global", share: 0.2 });
  });

  test("a share from which the other side grants is named, until its store answers again", async () => {
    const clock = virtualClock();
    let answer: LeaseGrants = { global: { granted: 1, retryAfterMs: 0, left: 3 }, keys: [], share: 0.5 };
    const remote: RemoteStore = { take: async () => answer, giveBack() {} };
    const store = leased(remote, { clock, leaseMs: 0 })(over(1, 8));
    expect(await store.take(undefined, 0)).toBeUndefined();
    expect(store.left?.(undefined, 0)).toEqual({
      limit: "global",
      left: 3,
      burst: 4,
      share: 0.5,
      isEstimate: true,
    });
    answer = { global: { granted: 0, retryAfterMs: 700, left: 0 }, keys: [], share: 0.5 };
    expect(await store.take(undefined, 0)).toEqual({ limit: "global", retryAfterMs: 700, share: 0.5 });
    answer = { global: { granted: 0, retryAfterMs: 700, left: 0 }, keys: [] };
    await clock.advance(1_000);
    expect(await store.take(undefined, clock.now())).toEqual({ limit: "global", retryAfterMs: 700 });
  });

  test("what the store has left is known from its last answer", async () => {
    const { place, decided } = places(over(0.001, 10), { leaseMs: 0 });
    const [one, other] = [place(), place()];
    await decided(one);
    expect(one.left?.(undefined, 0)).toEqual({ limit: "global", left: 9, burst: 10, isEstimate: true });
    await decided(other);
    expect(other.left?.(undefined, 0)).toMatchObject({ left: 8 });
  });

  test("resumes once the store answers again", async () => {
    const { clock, link, place, decided } = places(over(1, 2), { unreachable: "deny" });
    link.isUp = false;
    const store = place();
    const waiting = store.take(undefined, clock.now());
    await clock.advance(50);
    expect(await waiting).toMatchObject({ limit: "global" });
    link.isUp = true;
    await clock.advance(500);
    expect(await decided(store)).toMatchObject({ limit: "global" });
    await clock.advance(1);
    expect(await decided(store)).toBeUndefined();
    expect(store.state(clock.now())).toMatchObject({ isReachable: true });
  });

  test("a store that comes and goes admits one burst of the share", async () => {
    const { clock, link, place, decided } = places(over(0.001, 100), { unreachable: { share: 0.1 } });
    const store = place();
    let admitted = 0;
    for (let outage = 0; outage < 5; outage++) {
      link.isUp = false;
      const waiting = store.take(undefined, clock.now());
      await clock.advance(50);
      if ((await waiting) === undefined) admitted++;
      for (let at = 0; at < 20; at++) if (store.take(undefined, clock.now()) === undefined) admitted++;
      link.isUp = true;
      await clock.advance(500);
      await decided(store);
      await clock.advance(50);
      expect(store.state(clock.now())).toMatchObject({ isReachable: true });
    }
    expect(admitted).toBe(10);
  });

  test("calls leased from a store are not given back to another one", async () => {
    const clock = virtualClock();
    const balance = [0, 0];
    let source = 0;
    const change = (calls: number): number => (balance[source] = (balance[source] as number) + calls);
    const remote: RemoteStore = {
      async take({ global }) {
        change(global);
        return { global: { granted: global, retryAfterMs: 0 }, keys: [], source };
      },
      giveBack: ({ global }) => void change(-global),
    };
    const store = leased(remote, { clock })(over(1_000, 400));
    for (let at = 0; at < 60; at++) {
      await store.take(undefined, clock.now());
      await clock.advance(2);
    }
    source = 1;
    while (balance[1] === 0) await store.take(undefined, clock.now());
    await clock.advance(100);
    expect(store.state(clock.now())["globalLeased"]).toBe(0);
    expect(balance[1]).toBe(0);
  });

  test("a rejecting store is not a defect", async () => {
    const failing: RemoteStore = { take: () => Promise.reject(new Error("gone")), giveBack() {} };
    const clock = virtualClock();
    const store = leased(failing, { clock, unreachable: "allow" })(over(1, 1));
    expect(await store.take(undefined, 0)).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  test("an aborted caller is settled at once and spends nothing", async () => {
    const { clock, store, place } = places(over(0.001, 2));
    const controller = new AbortController();
    const decision = place().take(undefined, clock.now(), controller.signal);
    controller.abort();
    expect(await decision).toBeUndefined();
    await clock.advance(100);
    await settled();
    expect(store.state(clock.now())["globalLeft"]).toBe(2);
  });

  test("a lease of 0 asks for every call", async () => {
    const { link, place, decided } = places(over(1, 4), { leaseMs: 0 });
    const store = place();
    for (let at = 0; at < 6; at++) expect((await decided(store)) === undefined, `call ${at}`).toBe(at < 4);
    expect(link.asks).toBe(6);
  });

  test.each([
    [{ leaseMs: -1 }, "leaseMs must be a number from 0 to 60000 (got -1)"],
    [{ timeoutMs: 0 }, "timeoutMs must be a number above 0 and at most 60000 (got 0)"],
    [{ unreachable: { share: 2 } }, "unreachable.share must be a number above 0 and at most 1 (got 2)"],
  ])("refuses %j", (options, message) => {
    const remote: RemoteStore = { take: (_ask: CallCounts) => Promise.reject(new Error()), giveBack() {} };
    expect(() => leased(remote, options)).toThrow(new RangeError(`rate-limit: ${message}`));
  });
});
