import { describe, expect, test } from "vitest";
import { Digest } from "../src/digest.ts";
import { World } from "../src/world.ts";

describe("the world", () => {
  test("runs all microtasks before the next timer fires", async () => {
    const world = new World(1);
    const seen: string[] = [];
    world.after(1, () => {
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => queueMicrotask(() => seen.push("settled")));
    });
    world.after(1, () => seen.push("next"));
    world.always(() => seen.push(`checked at ${world.now}`));
    await world.run(() => false);
    expect(seen).toEqual(["checked at 0", "settled", "checked at 1", "next", "checked at 1"]);
  });

  test("counts its own timers separately from those of layers", () => {
    const world = new World(1);
    const own = world.after(5, () => {});
    world.clock.setTimer(5, () => {});
    expect(world.layerTimers).toBe(1);
    world.cancel(own);
    world.cancel(own);
    expect([world.layerTimers, world.clock.pending]).toEqual([1, 1]);
  });

  test("stops at the first violation and keeps it", async () => {
    const world = new World(1);
    world.after(1, () => world.violate("one", "this"));
    world.after(2, () => world.violate("two", "that"));
    await world.run(() => false);
    expect([world.violation, world.clock.pending]).toEqual([
      { invariant: "one", observed: "this", atMs: 1 },
      1,
    ]);
    world.violate("three", "late");
    expect(world.violation?.invariant).toBe("one");
  });
});

describe("the digest", () => {
  const of = (...values: (number | string)[]): string => {
    const digest = new Digest();
    for (const value of values) {
      if (typeof value === "number") digest.add(value);
      else digest.addText(value);
    }
    return digest.toString();
  };

  test("differs when a value or the order differs", () => {
    const all = [of(), of(0), of(1), of(1, 2), of(2, 1), of("ok"), of("ko"), of(0.1 + 0.2), of(0.3)];
    expect(new Set(all).size).toBe(all.length);
    for (const digest of all) expect(digest).toMatch(/^[0-9a-f]{16}$/u);
  });
});
