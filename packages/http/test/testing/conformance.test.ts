import { layer } from "@pagoda/core";
import { conformance as coreConformance, type Samples } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { broken, type MakeLayer } from "./broken-layers.ts";

/** Runs the suite as a test runner would and returns the failures by check. */
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

const pass: MakeLayer = () => layer("pass", ({ call }) => ({ call }));

function namesOf(suite: typeof conformance): Set<string> {
  const names = new Set<string>();
  suite((name) => names.add(name.replace("conformance: ", "")), pass);
  return names;
}

describe("conformance with bodies", () => {
  test("passes a layer that does nothing", async () => {
    expect(await failures(pass)).toEqual(new Map());
  });

  test.each(broken)("finds a layer that $what", async ({ makeLayer, fails: [check, message], samples }) => {
    expect((await failures(makeLayer, samples)).get(check)).toContain(message);
  });

  test("includes all checks of core, and each of its own is failed by a broken layer", () => {
    const found = broken.map(({ fails: [check] }) => check);
    expect(namesOf(conformance)).toEqual(new Set([...namesOf(coreConformance), ...found]));
  });
});
