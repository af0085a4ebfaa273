import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settled } from "@pagoda/core/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { freePort, type RedisServer, skipWithoutRedis, startRedis } from "./redis-server.ts";
import { answered, one, rates, watched } from "./watched.ts";

beforeEach(({ skip }) => skipWithoutRedis(skip));

/** A sentinel that watches a master, which it calls `limits`. */
async function startSentinel(master: RedisServer): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-sentinel-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "sentinel.conf");
  writeFileSync(
    file,
    [
      `sentinel monitor limits 127.0.0.1 ${master.port} 1`,
      "sentinel down-after-milliseconds limits 1000",
      "sentinel failover-timeout limits 5000",
      "",
    ].join("\n"),
  );
  return startRedis({ file, readyLine: /sentinel id is/i }, "--sentinel");
}

async function replicated() {
  const master = await startRedis();
  const replica = await startRedis(
    "--replicaof",
    "127.0.0.1",
    String(master.port),
    "--repl-diskless-sync-delay",
    "0",
  );
  while (!/master_link_status:up/.test(String(await replica.command("INFO", "replication"))));
  const sentinel = await startSentinel(master);
  // It learns of replicas from the master.
  while (((await sentinel.command("SENTINEL", "REPLICAS", "limits")) as unknown[]).length === 0);
  return { master, replica, sentinel };
}

test("the master is found by sentinels, of which some are away", async () => {
  const { master, sentinel } = await replicated();
  const away = `redis://127.0.0.1:${await freePort()}`;
  const { limits, next } = watched({
    url: [away, sentinel.url],
    mode: "sentinel",
    master: "limits",
    timeoutMs: 10_000,
  });
  expect(await next("connected")).toBe(`127.0.0.1:${master.port}`);
  expect(await answered(limits)).toBe(1);
});

test("a master that sentinels do not know is reported", async () => {
  const sentinel = await startSentinel(await startRedis());
  const { next } = watched({ url: sentinel.url, mode: "sentinel", master: "other" });
  expect(await next("disconnected")).toMatch(/knows no master "other"/);
});

test.each(["killed", "stopped"] as const)(
  "limits follow a fail-over from a master that is %s",
  async (how) => {
    const { master, replica, sentinel } = await replicated();
    const { limits, next } = watched({
      url: sentinel.url,
      mode: "sentinel",
      master: "limits",
      timeoutMs: 500,
    });
    await next("connected");
    expect(await answered(limits)).toBe(1);
    if (how === "killed") await master.kill();
    else master.pause();
    // Every call is answered: it fails until the replica is the master.
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        await limits.limit("test").take(one, rates).catch(settled);
        await settled();
      }
    })();
    while ((await next("connected")) !== `127.0.0.1:${replica.port}`);
    isOver = true;
    await asking;
    expect(String(await replica.command("ROLE"))).toMatch(/^master/);
    await answered(limits);
    expect(limits.isConnected).toBe(true);
  },
);
