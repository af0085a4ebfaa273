import { virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomUuids, timeOrderedUuids } from "@pagoda/http";

describe("randomUuids", () => {
  test("makes distinct random UUIDs of version 4, over several batches", () => {
    const next = randomUuids();
    const ids = Array.from({ length: 1_000 }, next);
    for (const id of ids)
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(new Set(ids).size).toBe(ids.length);
    // Every random digit takes every value.
    for (let at = 0; at < 36; at++) {
      const count = new Set(ids.map((id) => id[at])).size;
      expect(count).toBe(at === 19 ? 4 : [8, 13, 14, 18, 23].includes(at) ? 1 : 16);
    }
  });
});

describe("timeOrderedUuids", () => {
  const clockOf = (wallTime: () => number) => ({ ...virtualClock(), wallTime });
  const msOf = (uuid: string): number => Number.parseInt(uuid.slice(0, 13).replace("-", ""), 16);

  test("a UUID of version 7 begins with the milliseconds since 1970", () => {
    // The time of the example in RFC 9562, A.6.
    const uuid = timeOrderedUuids(clockOf(() => Date.UTC(2022, 1, 22, 19, 22, 22)))();
    expect(uuid).toMatch(/^017f22e2-79b0-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  });

  test("each UUID is greater than the one before, whatever the clock does", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { maxLength: 50 }), (steps) => {
        let now = 1_700_000_000_000;
        const next = timeOrderedUuids(clockOf(() => now));
        let last = next();
        for (const step of steps) {
          now += step;
          const uuid = next();
          expect(uuid > last, `${uuid} after ${last}`).toBe(true);
          last = uuid;
        }
      }),
    );
  });

  test("more UUIDs than the counter holds in one millisecond stay in order and distinct", () => {
    const next = timeOrderedUuids(clockOf(() => 1_000));
    const ids = Array.from({ length: 10_000 }, next);
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
    // A counter that starts below 2,048 has room for at least 2,048 of them.
    expect(msOf(ids[2_047] as string)).toBe(1_000);
    expect(msOf(ids.at(-1) as string)).toBeLessThanOrEqual(1_005);
  });

  test("the rest of it is random", () => {
    const next = timeOrderedUuids(clockOf(() => 1_000));
    const ids = Array.from({ length: 1_000 }, next);
    for (let at = 20; at < 36; at++) expect(new Set(ids.map((id) => id[at])).size).toBe(at === 23 ? 1 : 16);
    expect(new Set(ids.map((id) => id[19])).size).toBe(4);
  });
});
