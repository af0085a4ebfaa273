import { describe, expect, test } from "vitest";
import { Kept } from "../src/kept.ts";

describe("what a probe keeps", () => {
  test("is made once for each endpoint, and freed once when that has gone", () => {
    const told: string[] = [];
    let made = 0;
    const kept = new Kept(({ key }: { readonly key: string }, atEnd) => {
      const name = `${key}${++made}`;
      atEnd(() => told.push(`${name} first`));
      atEnd(() => told.push(`${name} second`));
      return name;
    });
    expect([kept.of({ key: "a" }), kept.of({ key: "b" }), kept.of({ key: "a" })]).toEqual(["a1", "b2", "a1"]);
    kept.gone({ key: "a" });
    kept.gone({ key: "a" });
    kept.gone({ key: "never there" });
    expect(told).toEqual(["a1 first", "a1 second"]);
    expect([kept.of({ key: "a" }), kept.of({ key: "b" })]).toEqual(["a3", "b2"]);
  });
});
