import { settled } from "@pagoda/core/testing";
import { type Decision, leased, type Rates } from "@pagoda/rate-limit";
import { beforeEach, expect, test } from "vitest";
import { skipWithoutRedis, startRedis } from "./redis-server.ts";
import { watched } from "./watched.ts";

beforeEach(({ skip }) => skipWithoutRedis(skip));

const each = (perSecond: number, burst: number): Rates => ({
  global: undefined,
  keyed: { perSecond, burst },
});

test("thousands of new clients at once are decided by the store", async () => {
  const server = await startRedis();
  const { limits, next } = watched({ url: server.url, timeoutMs: 10_000 });
  await next("connected");
  const store = leased(limits.limit("test"), { timeoutMs: 20_000, unreachable: "deny" })(each(0.001, 1));
  const take = (): Promise<Decision[]> =>
    Promise.all(
      Array.from({ length: 5_000 }, async (_, at) => store.take(`client ${at}`, performance.now())),
    );
  expect((await take()).filter((decision) => decision !== undefined)).toEqual([]);
  expect(await server.command("DBSIZE")).toBe(5_000);
  expect((await take()).filter((decision) => decision === undefined)).toEqual([]);
  expect(limits.state()).toMatchObject({ errors: 0, timeouts: 0 });
});

test("a spray of keys leaves nothing behind, in this process and in Redis", async () => {
  const server = await startRedis();
  const { limits, next } = watched({ url: server.url, timeoutMs: 10_000 });
  await next("connected");
  // A key without debt is forgotten: here, 100 ms after its call.
  const store = leased(limits.limit("test"), { timeoutMs: 20_000, unreachable: "deny" })(each(10, 5));
  for (let batch = 0; batch < 20; batch++) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, at) => store.take(`client ${batch} ${at}`, performance.now())),
    );
  }
  expect(limits.counts.roundTrips).toBeGreaterThanOrEqual(20_000);
  while ((await server.command("DBSIZE")) !== 0);
  while (store.state(0)["keys"] !== 0) await settled();
});
