import { limitDebts, memoryStore, type Rates } from "@pagoda/rate-limit";
import { describe, expect, test } from "vitest";

const ratesOf = (perSecond: number): Rates => ({
  global: { perSecond, burst: 10 },
  keyed: { perSecond, burst: 2 },
});

describe("debts", () => {
  test("pass to a store of other rates, of a key when that comes", () => {
    const make = memoryStore({ debts: limitDebts() });
    const before = make(ratesOf(1));
    for (const key of ["a", "a", "b"]) expect(before.take(key, 0)).toBeUndefined();
    const after = make(ratesOf(2));
    // Both of a: two seconds, but at most one burst of the new rate.
    expect(after.take("a", 0)).toEqual({ limit: "keyed", retryAfterMs: 500 });
    expect(after.take("b", 0)).toEqual({ limit: "keyed", retryAfterMs: 500 });
    expect(after.take("c", 0)).toBeUndefined();
    expect(after.take("a", 500)).toBeUndefined();
    expect(after.state(500)).toMatchObject({ globalLeft: 3 });
  });

  test("pass over any number of stores that were never used", () => {
    const make = memoryStore({ maxKeys: 10, debts: limitDebts() });
    const before = make(ratesOf(1));
    for (const key of ["a", "a"]) before.take(key, 0);
    for (let n = 0; n < 20_000; n++) make(ratesOf(2 + n));
    expect(make(ratesOf(1)).take("a", 0)).toEqual({ limit: "keyed", retryAfterMs: 1_000 });
  });

  test("are independent without that option", () => {
    const make = memoryStore();
    for (const key of ["a", "a"]) make(ratesOf(1)).take(key, 0);
    expect(make(ratesOf(2)).take("a", 0)).toBeUndefined();
  });
});
