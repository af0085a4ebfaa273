import { oneshot } from "@pagoda/core";
import { conformance, type Samples } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { around, broken, limit, type MakeLayer, pass } from "./broken-layers.ts";

/** Runs the suite as a runner would and returns the failures by check. */
async function failures(
  makeLayer: MakeLayer,
  samples?: Samples<string, string>,
): Promise<Map<string, string>> {
  const defined: { readonly name: string; readonly run: () => Promise<void> }[] = [];
  conformance(
    (name, run) => defined.push({ name: name.replace("conformance: ", ""), run }),
    makeLayer,
    samples,
  );
  const failed = new Map<string, string>();
  for (const { name, run } of defined) {
    const message = await run().then(() => undefined, String);
    if (message !== undefined) failed.set(name, message);
  }
  return failed;
}

describe("conformance", () => {
  test.each<[string, MakeLayer]>([
    ["does nothing", () => pass],
    ["has a limit", () => limit()],
    [
      "calls inner in a later tick, but asks first",
      around((inner) => ({
        ready: () => undefined,
        call: (request, signal) => oneshot(inner, request, signal),
      })),
    ],
    [
      "has inner further inside",
      around((inner) => ({
        describe: () => ({ name: "outer", inner: [{ name: "endpoint", inner: [inner.describe()] }] }),
      })),
    ],
  ])("passes a layer that %s", async (what, makeLayer) => {
    const samples = what.includes("later tick") ? { ready: "always" as const } : {};
    expect(await failures(makeLayer, samples)).toEqual(new Map());
  });

  test.each(broken)("finds a layer that $what", async ({ makeLayer, fails: [check, message], samples }) => {
    expect((await failures(makeLayer, samples)).get(check)).toContain(message);
  });

  test("every check is failed by some broken layer", () => {
    const names: string[] = [];
    conformance(
      (name) => names.push(name.replace("conformance: ", "")),
      () => pass,
    );
    expect(new Set(broken.map(({ fails: [check] }) => check))).toEqual(new Set(names));
  });
});
