import { fromAsync } from "@pagoda/core";
import { rulesOf, serviceConformance } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { broken, leafWith } from "./broken-services.ts";

type MakeLeaf = Parameters<typeof serviceConformance>[1];

/** Runs one rule and returns its message. */
async function failureOf(rule: string, makeLeaf: MakeLeaf, limitMs: number): Promise<string | undefined> {
  return rulesOf((define) => serviceConformance(define, makeLeaf, { limitMs })).get(rule)?.();
}

describe("serviceConformance", () => {
  serviceConformance(
    test,
    leafWith(() => ({})),
  );

  describe("of an adapted function, without requests that fail or wait", () => {
    serviceConformance(test, () => ({
      service: fromAsync(
        "length",
        async (text: string, signal) => {
          signal?.throwIfAborted();
          return text.length;
        },
        String,
      ),
      request: () => "request",
    }));
  });

  test.each(broken)("finds a leaf that $what", async ({ leaf, fails: [rule, message] }) => {
    // A rule that should time out gets a short limit, the others as long as they need.
    const limitMs = message.includes("did not end") ? 20 : 60_000;
    expect(await failureOf(rule, leaf as MakeLeaf, limitMs)).toContain(message);
  });

  test("every rule is failed by some broken leaf", () => {
    const sound = leafWith(() => ({}));
    const rules = rulesOf((define) => serviceConformance(define, sound));
    expect(new Set(broken.map(({ fails: [rule] }) => rule))).toEqual(new Set(rules.keys()));
  });

  test("closes each leaf whether its rule passes or fails", async () => {
    let open = 0;
    const makeLeaf = () => {
      open++;
      return { ...leafWith(() => ({ describe: () => ({ name: "" }) }))(), close: async () => void open-- };
    };
    expect(await failureOf("describes itself", makeLeaf as MakeLeaf, 60_000)).toContain(
      "the description needs a name",
    );
    expect(open).toBe(0);
  });
});
