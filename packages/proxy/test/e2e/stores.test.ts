import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder } from "./configured.ts";
import { type Pagoda, sample, until } from "./program.ts";
import { limited, Redis } from "./redis.ts";
import { needs } from "./system.ts";

needs("redis-server");

/** Makes calls, one at a time on each program. Returns how many were admitted. */
async function admitted(programs: readonly Pagoda[], calls: number): Promise<number> {
  let count = 0;
  for (let at = 0; at < calls; at++) {
    const statuses = await Promise.all(programs.map(async ({ url }) => (await call(url)).status));
    for (const status of statuses) {
      expect([200, 429]).toContain(status);
      if (status === 200) count++;
    }
  }
  return count;
}

async function local(pagoda: Pagoda): Promise<number> {
  return sample((await pagoda.admin("/metrics")).text, "pagoda_store_local", { store: "limits" });
}

test.each(["1", "2"])(
  "programs with one store admit one burst together, with %s workers each",
  async (workers) => {
    using folder = new Folder();
    await using redis = await Redis.start(folder);
    // On a busy machine, what is admitted without an answer would come on top.
    const limit = { global: { rate: "1/h", burst: 30 }, unreachable: "deny" };
    const config = limited({ redis: [redis.url] }, limit);
    await using one = await configured(folder, config, { PROXY_WORKERS: workers });
    await using other = await configured(folder, config, { PROXY_WORKERS: workers });
    const count = await admitted([one, other], 20);
    // A worker may hold some in advance.
    expect(count).toBeLessThanOrEqual(30);
    expect(count).toBeGreaterThan(15);
    const { text } = await one.admin("/metrics");
    expect(text).toMatch(/^pagoda_store_connected\{store="limits"\} [01]$/m);
    expect(
      sample(text, "pagoda_store_commands_total", { store: "limits", result: "success" }),
    ).toBeGreaterThan(0);
    const stack = await one.admin("/stack");
    expect(JSON.parse(stack.text)).toMatchObject({
      inner: expect.arrayContaining([
        {
          name: "store",
          options: { store: "limits" },
          state: expect.objectContaining({ isReachable: expect.any(Boolean) }),
        },
      ]),
    });
  },
);

test("clients have one limit over all programs", async () => {
  using folder = new Folder();
  await using redis = await Redis.start(folder);
  const limit = { perClient: { rate: "1/h", burst: 5 }, lease: "0ms", unreachable: "deny" };
  const config = limited({ redis: [redis.url] }, limit);
  await using one = await configured(folder, config);
  await using other = await configured(folder, config);
  const count = await admitted([one, other], 6);
  expect(count).toBeLessThanOrEqual(5);
  expect(count).toBeGreaterThan(0);
});

test("credentials by which clients are told apart never reach Redis", async () => {
  using folder = new Folder();
  await using redis = await Redis.start(folder);
  // It records all commands with their arguments.
  await redis.command("CONFIG", "SET", "slowlog-log-slower-than", "0");
  const limit = {
    perClient: { rate: "1/h", burst: 5, by: { header: "authorization" } },
    unreachable: "deny",
  };
  await using pagoda = await configured(folder, limited({ redis: [redis.url] }, limit));
  for (const token of ["swordfish", "carp"])
    expect((await call(pagoda.url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  const keys = (await redis.command("KEYS", "*")).split("\n");
  expect(keys).toEqual([1, 2].map(() => expect.stringMatching(/^pagoda:keyed:.*:[\w-]{22}$/)));
  const commands = await redis.command("SLOWLOG", "GET", "-1");
  for (const key of keys) expect(commands).toContain(key);
  expect(commands).not.toMatch(/Bearer|swordfish|carp/);
});

test("decisions are counted, and how long calls waited for those that the store made", async () => {
  using folder = new Folder();
  await using redis = await Redis.start(folder);
  const limit = { global: { rate: "1/h", burst: 5 }, lease: "60s", unreachable: "deny" };
  await using pagoda = await configured(folder, limited({ redis: [redis.url] }, limit));
  expect(await admitted([pagoda], 10)).toBe(5);
  const { text } = await pagoda.admin("/metrics");
  const labels = { store: "limits" };
  expect(sample(text, "pagoda_store_decisions_total", labels)).toBe(10);
  // After the first refusal, none is asked for a quarter of the lease.
  expect(sample(text, "pagoda_store_wait_seconds_count", labels)).toBe(6);
});

describe("a store that", () => {
  test.each(["SIGSTOP", "SIGKILL"] as const)(
    "is unreachable for a while: no call waits, each program admits its share (%s)",
    async (signal) => {
      using folder = new Folder();
      await using redis = await Redis.start(folder);
      const config = limited(
        { redis: [redis.url], timeout: "200ms" },
        { global: { rate: "1/h", burst: 40 }, unreachable: { share: "25%" } },
      );
      await using one = await configured(folder, config);
      await using other = await configured(folder, config);
      const programs = [one, other];
      expect(await admitted(programs, 1)).toBe(2);
      redis.signal(signal);
      for (const program of programs) {
        while ((await local(program)) === 0) await admitted([program], 1);
        await program.log("limit store unreachable; deciding limits locally");
      }
      // A share of 10 of each, and as much of each worker if its main process was late.
      expect(await admitted(programs, 30)).toBeLessThanOrEqual(40);
      if (signal === "SIGSTOP") redis.signal("SIGCONT");
      else await redis.start();
      for (const program of programs) {
        while ((await local(program)) === 1) await admitted([program], 1);
        await program.log("limit store reached again");
      }
    },
  );

  test.each([
    ["allow", 20],
    ["deny", 0],
  ])("is not there at the start: unreachable: %s admits %i of 20", async (unreachable, count) => {
    using folder = new Folder();
    const redis = await Redis.start(folder);
    await redis.kill();
    const config = limited({ redis: [redis.url] }, { global: { rate: "1/h", burst: 5 }, unreachable });
    await using pagoda = await configured(folder, config);
    const { reason } = await pagoda.log("limit store unreachable");
    expect(reason).toMatch(/ECONNREFUSED/);
    expect(await admitted([pagoda], 20)).toBe(count);
    expect((await pagoda.admin("/ready")).status).toBe(200);
  });

  test("restarts under load leaves no call without an answer", async () => {
    using folder = new Folder();
    await using redis = await Redis.start(folder);
    const config = limited(
      { redis: [redis.url], timeout: "50ms" },
      { global: { rate: "100000/s" }, perClient: { rate: "100000/s" } },
    );
    await using one = await configured(folder, config, { PROXY_WORKERS: "2" });
    await using other = await configured(folder, config);
    let isOver = false;
    const load = [one, one, other, other].map(async (program) => {
      let calls = 0;
      for (; !isOver; calls++) expect((await call(program.url)).status).toBe(200);
      return calls;
    });
    for (let restart = 0; restart < 3; restart++) {
      await redis.kill();
      await until(
        async () => Math.min(await local(one), await local(other)),
        (value) => value === 1,
      );
      await redis.start();
      await until(
        async () => Math.max(await local(one), await local(other)),
        (value) => value === 0,
      );
    }
    isOver = true;
    for (const calls of await Promise.all(load)) expect(calls).toBeGreaterThan(0);
  });
});

test("a reload keeps the connection to an unchanged store, and replaces that of another", async () => {
  using folder = new Folder();
  await using redis = await Redis.start(folder, "--requirepass", "swordfish");
  const store = { redis: [redis.url], passwordFile: folder.write("password", "swordfish\n") };
  const config = limited(store, { global: { rate: "1/h", burst: 3 } });
  await using pagoda = await configured(folder, config);
  const commands = async (): Promise<number> =>
    sample((await pagoda.admin("/metrics")).text, "pagoda_store_commands_total", {
      store: "limits",
      result: "success",
    });
  expect(await admitted([pagoda], 2)).toBe(2);
  const before = await commands();
  expect(before).toBeGreaterThan(0);
  folder.write("pagoda.yaml", { ...config, log: { level: "debug" } });
  await pagoda.log("configuration applied");
  expect(await commands()).toBeGreaterThanOrEqual(before);
  folder.write("password", "carp\n");
  await pagoda.log("limit store unreachable; deciding limits locally");
  expect(pagoda.output).not.toMatch(/swordfish|carp/);
});
