import { left, oneshot, right } from "@pagoda/core";
import { brokenLayer, conformance, failuresOf, rulesOf } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { broken, limit, pass } from "./broken-layers.ts";

describe("conformance", () => {
  test.each<[string, ReturnType<typeof brokenLayer>]>([
    ["does nothing", () => pass],
    ["has a limit", () => limit()],
    [
      "calls inner in a later tick, but asks first",
      brokenLayer((inner) => ({
        ready: () => undefined,
        call: (request, signal) => oneshot(inner, request, signal),
      })),
    ],
    [
      "ends requests itself",
      brokenLayer((inner) => ({
        call: async (request, signal) =>
          request === "no" ? left("no") : request === "known" ? right("known") : inner.call(request, signal),
      })),
    ],
    [
      "has inner further inside",
      brokenLayer((inner) => ({
        describe: () => ({ name: "outer", inner: [{ name: "endpoint", inner: [inner.describe()] }] }),
      })),
    ],
  ])("passes a layer that %s", async (what, makeLayer) => {
    const samples = {
      ...(what.includes("later tick") && { ready: "always" as const }),
      ...(what.includes("itself") && { refused: () => "no", answered: () => "known" }),
    };
    expect(await failuresOf((define) => conformance(define, makeLayer, samples))).toEqual(new Map());
  });

  test.each(broken)("finds a layer that $what", async ({ makeLayer, fails: [check, message], samples }) => {
    expect((await failuresOf((define) => conformance(define, makeLayer, samples))).get(check)).toContain(
      message,
    );
  });

  test("every check is failed by some broken layer", () => {
    const samples = { refused: () => "no", answered: () => "known" };
    const rules = rulesOf((define) => conformance(define, () => pass, samples));
    expect(new Set(broken.map(({ fails: [check] }) => check))).toEqual(new Set(rules.keys()));
  });
});
