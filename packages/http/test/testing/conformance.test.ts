import { layer } from "@pagoda/core";
import { conformance as coreConformance, failuresOf, rulesOf } from "@pagoda/core/testing";
import { httpRequest } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { broken } from "./broken-layers.ts";

const pass = () => layer("pass", ({ call }) => ({ call }));

describe("conformance with bodies", () => {
  test("passes a layer that does nothing", async () => {
    expect(await failuresOf((define) => conformance(define, pass))).toEqual(new Map());
  });

  test.each(broken)("finds a layer that $what", async ({ makeLayer, fails: [check, message], samples }) => {
    expect((await failuresOf((define) => conformance(define, makeLayer, samples))).get(check)).toContain(
      message,
    );
  });

  test("includes all checks of core, and each of its own is failed by a broken layer", () => {
    const found = broken.map(({ fails: [check] }) => check);
    const own = () => httpRequest("http://a.example/");
    const [rules, ofCore] = [
      rulesOf((define) => conformance(define, pass, { refused: own, answered: own })),
      rulesOf((define) => coreConformance(define, pass, { refused: () => "no", answered: () => "known" })),
    ];
    expect(new Set(rules?.keys())).toEqual(new Set([...(ofCore?.keys() ?? []), ...found]));
  });
});
