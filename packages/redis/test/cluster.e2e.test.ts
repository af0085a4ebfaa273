import { beforeEach, describe, expect, test } from "vitest";
import { slotOf } from "../src/slots.ts";
import { freePort, type RedisServer, skipWithoutRedis, startRedis, withOptions } from "./redis-server.ts";
import { answered, one, rates, watched } from "./watched.ts";

/** Three masters, each with a third of the slots. */
async function startCluster(): Promise<readonly RedisServer[]> {
  const masters: RedisServer[] = [];
  for (const from of [0, 5_461, 10_922]) {
    const master = await startRedis(
      ...withOptions({
        "cluster-enabled": "yes",
        "cluster-port": await freePort(),
        "cluster-require-full-coverage": "no",
      }),
    );
    await master.command("CLUSTER", "ADDSLOTSRANGE", String(from), String(Math.min(from + 5_460, 16_383)));
    masters.push(master);
  }
  const [first, ...others] = masters as [RedisServer, ...RedisServer[]];
  for (const { port, busPort } of others)
    await first.command("CLUSTER", "MEET", "127.0.0.1", String(port), String(await busPort()));
  for (const master of masters) while (((await master.command("CLUSTER", "SLOTS")) as unknown[]).length < 3);
  return masters;
}

const names = Array.from({ length: 12 }, (_, at) => `limit ${at}`);
const keyOf = (name: string): string => `pagoda:global:${name}`;

test("slots are those of Redis", () => {
  // CLUSTER KEYSLOT, and the test vector of the specification.
  expect(slotOf("123456789")).toBe(0x31c3);
  expect(slotOf("{user1000}.following")).toBe(slotOf("user1000"));
  expect(slotOf("foo{}{bar}")).not.toBe(slotOf("bar"));
});

describe("a cluster", () => {
  beforeEach(({ skip }) => skipWithoutRedis(skip));

  test("has limits on all of its masters", async () => {
    const masters = await startCluster();
    const { limits, next } = watched({
      url: (masters[0] as RedisServer).url,
      mode: "cluster",
      timeoutMs: 10_000,
    });
    await next("connected");
    expect(limits.isConnected).toBe(true);
    for (const name of names) expect(await answered(limits, name)).toBe(1);
    for (const name of names) {
      const { global } = await limits.limit(name).take({ global: 20, keys: [] }, rates);
      expect(global.granted).toBe(9);
    }
    for (const master of masters) expect(await master.command("DBSIZE")).toBeGreaterThan(0);
  });

  test("keeps limits while slots move", async () => {
    const masters = await startCluster();
    const name = "limit 0";
    const slot = String(slotOf(keyOf(name)));
    const at = Math.min(2, Math.floor(Number(slot) / 5_461));
    const [from, to] = [masters[at], masters[(at + 1) % 3]] as [RedisServer, RedisServer];
    const { limits, next } = watched({
      url: masters.map(({ url }) => url),
      mode: "cluster",
      timeoutMs: 10_000,
    });
    await next("connected");
    expect(await answered(limits, name)).toBe(1);
    const [fromId, toId] = [
      String(await from.command("CLUSTER", "MYID")),
      String(await to.command("CLUSTER", "MYID")),
    ];
    await to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
    await from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
    await from.command("MIGRATE", "127.0.0.1", String(to.port), keyOf(name), "0", "5000");
    // ASK: the slot is still that of the first master.
    expect((await limits.limit(name).take({ global: 3, keys: [] }, rates)).global.granted).toBe(3);
    for (const master of [to, from]) await master.command("CLUSTER", "SETSLOT", slot, "NODE", toId);
    // MOVED.
    expect((await limits.limit(name).take({ global: 20, keys: [] }, rates)).global.granted).toBe(6);
    expect(limits.state()).toMatchObject({ timeouts: 0 });
  });

  test("without one of its masters keeps the limits of the others, and gets it back", async () => {
    const masters = await startCluster();
    const { limits, next } = watched({
      url: masters.map(({ url }) => url),
      mode: "cluster",
      timeoutMs: 1_000,
    });
    await next("connected");
    const on = (at: number): string =>
      names.find((name) => Math.min(2, Math.floor(slotOf(keyOf(name)) / 5_461)) === at) as string;
    await (masters[0] as RedisServer).kill();
    await next("disconnected");
    expect(await answered(limits, on(1))).toBe(1);
    expect(await answered(limits, on(2))).toBe(1);
    await expect(limits.limit(on(0)).take(one, rates)).rejects.toThrow("not connected");
    expect(limits.isConnected).toBe(false);
    await (masters[0] as RedisServer).restart();
    await next("connected");
    expect(await answered(limits, on(0))).toBe(1);
  });
});
