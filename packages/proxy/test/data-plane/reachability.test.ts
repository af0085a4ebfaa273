import { createServer, type Socket } from "node:net";
import { settled, type VirtualClock, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import type { Endpoints, Origin } from "../../src/data-plane/origin.ts";
import { RealNetwork } from "../../src/data-plane/network.ts";
import { Reachability } from "../../src/data-plane/reachability.ts";
import { Arrivals, listen, refusing, silent } from "../e2e/origin.ts";
import { quietPort } from "../e2e/quiet-port.ts";

type Change = readonly [reachable: boolean, reason: string | undefined];

/** Endpoints that the test can replace. */
class Changing implements Pick<Endpoints, "endpoints" | "subscribe" | "started"> {
  readonly started = Promise.resolve();
  endpoints: readonly Origin[];
  #changed: () => void = () => {};

  constructor(keys: readonly string[]) {
    this.endpoints = keys.map((key) => ({ key }));
  }

  subscribe(changed: () => void): () => void {
    this.#changed = changed;
    return () => (this.#changed = () => {});
  }

  set(...keys: readonly string[]): void {
    this.endpoints = keys.map((key) => ({ key }));
    this.#changed();
  }
}

/** A watch over endpoints in virtual time, with its reports; `change` settles at the next one. */
function watch(...keys: readonly string[]): {
  readonly clock: VirtualClock;
  readonly endpoints: Changing;
  readonly reachability: Reachability;
  readonly changes: Change[];
  readonly change: () => Promise<Change>;
} {
  const clock = virtualClock();
  const endpoints = new Changing(keys);
  const changes: Change[] = [];
  let told = (_change: Change): void => {};
  const reachability = new Reachability(endpoints, { network: new RealNetwork(), clock }, (...change) => {
    changes.push(change);
    told(change);
  });
  return {
    clock,
    endpoints,
    reachability,
    changes,
    change: () => new Promise((resolve) => (told = resolve)),
  };
}

test("nothing is reachable before the first look", () => {
  const { reachability } = watch(refusing);
  expect(reachability.any).toBe(false);
  reachability.stop();
});

describe("the first look", () => {
  test("succeeds with one reachable endpoint", async () => {
    await using server = await listen(createServer());
    const { reachability, changes } = watch(refusing, server.url);
    await reachability.started;
    reachability.stop();
    expect(reachability.any).toBe(true);
    expect(changes).toEqual([[true, undefined]]);
  });

  test("fails if no endpoint is reachable", async () => {
    const { reachability, changes } = watch("https://127.0.0.1:1", "http://[::1]:1");
    await reachability.started;
    reachability.stop();
    expect(reachability.any).toBe(false);
    expect(changes).toEqual([[false, expect.stringContaining("ECONNREFUSED")]]);
  });

  test("defect: died of an endpoint without a scheme", async () => {
    await using server = await listen(createServer());
    const { reachability, changes } = watch("10.0.0.1:8080");
    await reachability.started;
    reachability.stop();
    expect(changes).toEqual([[false, "10.0.0.1:8080 is not an origin"]]);
    const both = watch("10.0.0.1:8080", server.url);
    await both.reachability.started;
    both.reachability.stop();
    expect(both.reachability.any).toBe(true);
  });

  test("finds the only reachable endpoint among many", async () => {
    await using server = await listen(createServer());
    const { reachability } = watch(...Array.from({ length: 600 }, () => refusing), server.url);
    await reachability.started;
    reachability.stop();
    expect(reachability.any).toBe(true);
  });

  test("reports a cluster without endpoints", async () => {
    const { reachability, changes } = watch();
    await reachability.started;
    reachability.stop();
    expect(changes).toEqual([[false, "there are no endpoints"]]);
  });

  test("gives up on an endpoint that does not answer within a second", async () => {
    await using mute = await silent();
    const { clock, reachability, changes } = watch(mute.url);
    await clock.advance(999);
    expect(changes).toEqual([]);
    await clock.advance(1);
    await reachability.started;
    expect(changes).toEqual([[false, "no connection within 1000 ms"]]);
    reachability.stop();
    expect(clock.pending).toBe(0);
  });
});

test("reachability is probed every two seconds, and only changes are reported", async () => {
  const port = await quietPort();
  const { clock, reachability, changes, change } = watch(`http://127.0.0.1:${port}`);
  await reachability.started;
  expect(changes).toHaveLength(1);
  {
    await using server = await listen(createServer(), port);
    expect(server.port).toBe(port);
    await clock.advance(1_999);
    expect(changes).toHaveLength(1);
    const next = change();
    await clock.advance(1);
    expect(await next).toEqual([true, undefined]);
    expect(reachability.any).toBe(true);
  }
  const next = change();
  // The look that found it is over when its next timer is set.
  await clock.advance(2_000);
  expect(await next).toEqual([false, expect.stringContaining("ECONNREFUSED")]);
  expect(reachability.any).toBe(false);
  reachability.stop();
});

test("no other endpoint is probed while the last one that answered still does", async () => {
  let asked = 0;
  const visits = new Arrivals<Socket>();
  await using first = await listen(
    createServer((socket) => socket.resume().once("close", () => visits.add(socket))),
  );
  await using second = await listen(createServer().on("connection", () => asked++));
  const { clock, endpoints, reachability } = watch(first.url);
  await reachability.started;
  endpoints.set(second.url, first.url);
  for (let look = 0; look < 3; look++) {
    // The look has ended when its connection has.
    await visits.next();
    await settled();
    await clock.advance(2_000);
  }
  reachability.stop();
  expect(visits.count).toBeGreaterThanOrEqual(3);
  expect(asked).toBe(0);
});

test("new endpoints are probed", async () => {
  await using server = await listen(createServer());
  const { endpoints, reachability, change } = watch(refusing);
  await reachability.started;
  const next = change();
  endpoints.set(server.url);
  expect(await next).toEqual([true, undefined]);
  reachability.stop();
});

test("a stopped prober leaves no timer", async () => {
  await using server = await listen(createServer());
  const { clock, reachability } = watch(server.url);
  await reachability.started;
  expect(clock.pending).toBe(1);
  reachability.stop();
  expect(clock.pending).toBe(0);
});

test("a prober stopped during a look reports nothing and leaves no timer", async () => {
  const { clock, reachability, changes } = watch(refusing);
  reachability.stop();
  await reachability.started;
  expect(changes).toEqual([]);
  expect(clock.pending).toBe(0);
});

test("of many endpoints that answer, a few are probed (defect: all of them, at once)", async () => {
  let asked = 0;
  await using server = await listen(
    createServer().on("connection", () => asked++),
    0,
    "http",
    "0.0.0.0",
  );
  const many = Array.from({ length: 50 }, (_, at) => `http://127.0.1.${at + 1}:${server.port}`);
  const { reachability } = watch(...many);
  await reachability.started;
  expect(reachability.any).toBe(true);
  reachability.stop();
  expect(asked).toBeLessThanOrEqual(2);
});

test("a start waits 2 s for endpoints that do not answer", async () => {
  await using hanging = await silent();
  const { clock, reachability } = watch(...Array.from({ length: 2_000 }, () => hanging.url));
  let hasStarted = false;
  void reachability.started.then(() => (hasStarted = true));
  await settled();
  await clock.advance(1_999);
  expect(hasStarted).toBe(false);
  await clock.advance(1);
  expect(hasStarted).toBe(true);
  reachability.stop();
});
