import { createServer } from "node:net";
import { type VirtualClock, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Reachability } from "../src/reachability.ts";
import { listen, quietPort, refusing, silent } from "./e2e/origin.ts";

type Change = readonly [upstream: string, reachable: boolean, reason: string | undefined];

/** A watch over upstreams, in virtual time, and what it has told; `change` is the next that it will. */
function watch(...upstreams: readonly string[]): {
  readonly clock: VirtualClock;
  readonly reachability: Reachability;
  readonly changes: Change[];
  readonly change: () => Promise<Change>;
} {
  const clock = virtualClock();
  const changes: Change[] = [];
  let told = (_change: Change): void => {};
  const reachability = new Reachability(
    upstreams,
    (...change) => {
      changes.push(change);
      told(change);
    },
    clock,
  );
  return { clock, reachability, changes, change: () => new Promise((resolve) => (told = resolve)) };
}

test("nothing is reachable before it has looked", () => {
  expect(watch(refusing).reachability.any).toBe(false);
});

describe("the first look", () => {
  test("tells of each upstream; one that can be reached is enough", async () => {
    await using server = await listen(createServer());
    const { reachability, changes } = watch(refusing, server.url);
    await reachability.start();
    reachability.stop();
    expect(reachability.any).toBe(true);
    expect(changes).toHaveLength(2);
    expect(changes).toContainEqual([server.url, true, undefined]);
    expect(changes).toContainEqual([refusing, false, "ECONNREFUSED"]);
  });

  test("finds none", async () => {
    const { reachability } = watch(refusing);
    await reachability.start();
    reachability.stop();
    expect(reachability.any).toBe(false);
  });

  test("knows https by its port, and IPv6 addresses", async () => {
    const { reachability, changes } = watch("https://127.0.0.1:1", "http://[::1]:1");
    await reachability.start();
    reachability.stop();
    expect(changes.map(([, , reason]) => reason)).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
  });

  test("gives up on who does not answer within a second", async () => {
    await using mute = await silent();
    const { clock, reachability, changes } = watch(mute.url);
    const started = reachability.start();
    await clock.advance(999);
    expect(changes).toEqual([]);
    await clock.advance(1);
    await started;
    expect(changes).toEqual([[mute.url, false, "no connection within 1000 ms"]]);
    reachability.stop();
    expect(clock.pending).toBe(0);
  });
});

test("it looks again every two seconds, and tells only of changes", async () => {
  const port = await quietPort();
  const upstream = `http://127.0.0.1:${port}`;
  const { clock, reachability, changes, change } = watch(upstream);
  await reachability.start();
  expect(changes).toEqual([[upstream, false, "ECONNREFUSED"]]);
  {
    await using server = await listen(createServer(), port);
    expect(server.port).toBe(port);
    await clock.advance(1_999);
    expect(changes).toHaveLength(1);
    const next = change();
    await clock.advance(1);
    expect(await next).toEqual([upstream, true, undefined]);
    expect(reachability.any).toBe(true);
  }
  const next = change();
  // The look that found it has ended when its next timer is set.
  await clock.advance(2_000);
  expect(await next).toEqual([upstream, false, "ECONNREFUSED"]);
  expect(reachability.any).toBe(false);
  reachability.stop();
});

test("stopped, it looks no more and leaves no timer", async () => {
  await using server = await listen(createServer());
  const { clock, reachability } = watch(server.url);
  await reachability.start();
  expect(clock.pending).toBe(1);
  reachability.stop();
  expect(clock.pending).toBe(0);
});

test("stopped while it looks, it tells nothing and leaves no timer", async () => {
  const { clock, reachability, changes } = watch(refusing);
  const started = reachability.start();
  reachability.stop();
  await started;
  expect(changes).toEqual([]);
  expect(clock.pending).toBe(0);
});
