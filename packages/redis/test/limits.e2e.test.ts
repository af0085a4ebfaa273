import { seededRandom } from "@pagoda/core/testing";
import { type Decision, leased, type LeasedOptions, type Rates, type Store } from "@pagoda/rate-limit";
import { redisLimits, type RedisLimits, type RedisLimitsOptions } from "@pagoda/redis";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type RedisServer, skipWithoutRedis, startRedis } from "./redis-server.ts";

beforeEach(({ skip }) => skipWithoutRedis(skip));

/** Long enough for a busy machine. */
const timeoutMs = 10_000;

const over = (perSecond: number, burst: number): Rates => ({
  global: { perSecond, burst },
  keyed: undefined,
});
const each = (perSecond: number, burst: number): Rates => ({
  global: undefined,
  keyed: { perSecond, burst },
});

/** Limits on a server, as on one machine, once they are connected. */
async function machine(
  { url }: RedisServer,
  options: Partial<RedisLimitsOptions> = {},
): Promise<RedisLimits> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const limits = redisLimits({
    url,
    timeoutMs,
    random: seededRandom(1),
    observer: { connected: () => resolve() },
    ...options,
  });
  onTestFinished(() => limits.close());
  await promise;
  return limits;
}

function storeOf(
  limits: RedisLimits,
  rates: Rates,
  options: LeasedOptions & { readonly name?: string } = {},
): Store {
  return leased(limits.limit(options.name ?? "test"), { timeoutMs, ...options })(rates);
}

async function decisions(
  stores: readonly Store[],
  calls: number,
  keyOf: (call: number) => string | undefined = () => undefined,
): Promise<Decision[]> {
  const all: Decision[] = [];
  for (let call = 0; call < calls; call++)
    all.push(await (stores[call % stores.length] as Store).take(keyOf(call), performance.now()));
  return all;
}

const admittedOf = (all: readonly Decision[]): number =>
  all.filter((decision) => decision === undefined).length;

describe("limits", () => {
  test.each([0, 20])("machines together are admitted exactly one burst (lease %i)", async (leaseMs) => {
    const server = await startRedis();
    const rates = over(0.001, 30);
    const stores = [await machine(server), await machine(server)].map((limits) =>
      storeOf(limits, rates, { leaseMs }),
    );
    // Some may be leased by the machine that is not asked, and are given back.
    let admitted = 0;
    while (admitted < 30) admitted += admittedOf(await decisions(stores, 2));
    const all = await decisions(stores, 100);
    expect([admitted, admittedOf(all)]).toEqual([30, 0]);
    expect(all.at(-1)).toMatchObject({ limit: "global" });
    expect((all.at(-1) as { readonly retryAfterMs: number }).retryAfterMs).toBeGreaterThan(900_000);
  });

  test("each client is admitted exactly its burst, over all machines", async () => {
    const server = await startRedis();
    const stores = [await machine(server), await machine(server)].map((limits) =>
      storeOf(limits, each(0.001, 3)),
    );
    const all = await decisions(stores, 40, (call) => ["ann", "bob"][Math.floor(call / 2) % 2]);
    expect(admittedOf(all)).toBe(6);
    expect(all.at(-1)).toMatchObject({ limit: "keyed" });
  });

  test("concurrent calls are admitted exactly one burst", async () => {
    const server = await startRedis();
    const stores = [await machine(server), await machine(server)].map((limits) =>
      storeOf(limits, over(0.001, 25)),
    );
    const all = await Promise.all(
      Array.from({ length: 100 }, async (_, call) =>
        (stores[call % 2] as Store).take(undefined, performance.now()),
      ),
    );
    expect(admittedOf(all)).toBe(25);
  });

  test("a call refused by one limit spends nothing of the other", async () => {
    const server = await startRedis();
    const rates: Rates = { global: { perSecond: 0.001, burst: 5 }, keyed: { perSecond: 0.001, burst: 1 } };
    const limits = await machine(server);
    const store = storeOf(limits, rates, { leaseMs: 0 });
    const ofOne = await decisions([store], 10, () => "ann");
    expect(admittedOf(ofOne)).toBe(1);
    const ofOthers = await decisions([store], 10, (call) => `client ${call}`);
    expect(admittedOf(ofOthers)).toBe(4);
  });

  test("unused calls are given back", async () => {
    const server = await startRedis();
    const rates = over(0.001, 50);
    const remote = (await machine(server)).limit("test");
    const { global } = await remote.take({ global: 20, keys: [] }, rates);
    expect(global).toMatchObject({ granted: 20 });
    remote.giveBack({ global: 15, keys: [] }, rates);
    expect((await remote.take({ global: 100, keys: [] }, rates)).global.granted).toBe(45);
  });

  test("limits of other names and prefixes are others", async () => {
    const server = await startRedis();
    const rates = over(0.001, 2);
    const stores = [
      storeOf(await machine(server), rates, { name: "a" }),
      storeOf(await machine(server), rates, { name: "b" }),
      storeOf(await machine(server, { prefix: "other" }), rates, { name: "a" }),
    ];
    expect(admittedOf(await decisions(stores, 12))).toBe(6);
  });

  test("a rate that differs between machines admits no burst of its own", async () => {
    const server = await startRedis();
    const limits = await machine(server);
    expect(admittedOf(await decisions([storeOf(limits, over(0.001, 4))], 6))).toBe(4);
    expect(admittedOf(await decisions([storeOf(limits, over(0.002, 4))], 6))).toBe(0);
  });

  test("the script is loaded again when the server has forgotten it", async () => {
    const server = await startRedis();
    const store = storeOf(await machine(server), over(0.001, 4), { leaseMs: 0 });
    expect(admittedOf(await decisions([store], 2))).toBe(2);
    await server.command("SCRIPT", "FLUSH");
    expect(admittedOf(await decisions([store], 4))).toBe(2);
  });
});

describe("keys of clients", () => {
  async function keysAfter(options: Partial<RedisLimitsOptions>): Promise<string> {
    const server = await startRedis();
    await decisions([storeOf(await machine(server, options), each(0.001, 3))], 1, () => "Bearer 1234");
    return String(await server.command("KEYS", "*"));
  }

  test("are stored as hashes that depend on the secret", async () => {
    const [one, same, other] = [
      await keysAfter({ secret: "a" }),
      await keysAfter({ secret: "a" }),
      await keysAfter({ secret: "b" }),
    ];
    expect(one).toMatch(/^pagoda:keyed:test:[\w-]{22}$/);
    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });
});

test("describes its connection", async () => {
  const server = await startRedis();
  const limits = await machine(server);
  await decisions([storeOf(limits, over(1, 1), { leaseMs: 0 })], 3);
  expect(limits.state()).toEqual({ isConnected: true, roundTrips: 4, timeouts: 0, errors: 0 });
  limits.close();
  expect(limits.state()).toMatchObject({ isConnected: false });
});
