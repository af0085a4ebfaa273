import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Coding } from "@pagoda/compress";
import { negotiate } from "../src/negotiate.ts";

const all: readonly Coding[] = ["zstd", "br", "gzip"];

describe("negotiate", () => {
  test.each<[string, Coding | undefined]>([
    ["gzip", "gzip"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip, deflate, br", "br"],
    ["GZip", "gzip"],
    ["x-gzip", "gzip"],
    ["br;q=0.8, gzip", "gzip"],
    ["br ; q=0.8 ,\tgzip ;\tQ=0.9", "gzip"],
    ["br;q=0.5, gzip;q=0.501", "gzip"],
    ["*", "zstd"],
    ["*;q=0.1, gzip;q=0.2", "gzip"],
    ["zstd;q=0, *", "br"],
    ["*;q=0", undefined],
    ["*;q=0, gzip", "gzip"],
    ["gzip;q=0", undefined],
    ["gzip;q=0.000", undefined],
    ["identity", undefined],
    ["identity;q=0, gzip;q=0.1", "gzip"],
    ["identity;q=0", undefined],
    ["identity;q=0, *", "zstd"],
    ["identity, gzip;q=0.5", undefined],
    ["identity;q=0.5, gzip;q=0.5", "gzip"],
    ["gzip;q=0.5, identity;q=0.4", "gzip"],
    ["deflate, compress", undefined],
    ["", undefined],
    [", ,", undefined],
    ["gzip;q=2", undefined],
    ["gzip;q=-1, br", "br"],
    ["gzip;q=0.1234", undefined],
    ["gzip;level=9", undefined],
    ["gzip;q=", undefined],
    ["constructor, __proto__", undefined],
  ])("%j selects %s", (value, coding) => {
    expect(negotiate([value], all)).toBe(coding);
  });

  test("an absent field selects none", () => {
    expect(negotiate([], all)).toBeUndefined();
  });

  test("several lines are one list", () => {
    expect(negotiate(["gzip;q=0.1", "br;q=0.2"], all)).toBe("br");
  });

  test("selects none that is not offered", () => {
    expect(negotiate(["zstd, br, gzip;q=0.1"], ["gzip"])).toBe("gzip");
  });

  test("property: the selected coding is acceptable, and none has a higher weight", () => {
    const names = fc.constantFrom("zstd", "br", "gzip", "identity", "*", "deflate");
    const weights = fc.uniqueArray(fc.tuple(names, fc.integer({ min: 0, max: 1_000 })), {
      selector: ([name]) => name,
    });
    const order = fc.shuffledSubarray([...all], { minLength: 1 });
    fc.assert(
      fc.property(weights, order, (list, codings) => {
        const table = new Map<string, number>(list);
        const weightOf = (name: string): number => table.get(name) ?? table.get("*") ?? 0;
        const value = list.map(([name, weight]) => `${name};q=${weight / 1_000}`).join(", ");
        const most = Math.max(...codings.map(weightOf));
        const isNone = most === 0 || most < (table.get("identity") ?? 0);
        const expected = isNone ? undefined : codings.find((coding) => weightOf(coding) === most);
        expect(negotiate([value], codings)).toBe(expected);
      }),
    );
  });
});
