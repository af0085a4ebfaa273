import { describe, expect, test } from "vitest";
import { PerEndpoint } from "../src/per-endpoint.ts";

describe("PerEndpoint", () => {
  test("creates a value once per endpoint and frees it once", () => {
    const events: string[] = [];
    let made = 0;
    const kept = new PerEndpoint(({ key }: { readonly key: string }, atEnd) => {
      const name = `${key}${++made}`;
      atEnd(() => events.push(`${name} first`));
      atEnd(() => events.push(`${name} second`));
      return name;
    });
    expect([kept.of({ key: "a" }), kept.of({ key: "b" }), kept.of({ key: "a" })]).toEqual(["a1", "b2", "a1"]);
    kept.gone({ key: "a" });
    kept.gone({ key: "a" });
    kept.gone({ key: "never there" });
    expect(events).toEqual(["a1 first", "a1 second"]);
    expect([kept.of({ key: "a" }), kept.of({ key: "b" })]).toEqual(["a3", "b2"]);
  });
});
