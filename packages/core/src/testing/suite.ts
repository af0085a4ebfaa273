import type { Service } from "../service.ts";
import type { DefineTest, Kit, LayerUnderTest, Samples } from "./layer-rules.ts";

type AnyService = Service<unknown, unknown, unknown>;

/** A layer that breaks a rule, to test the suite that has the rule. */
export interface BrokenLayer<Req = string, Res = string> {
  /** What it does wrong. */
  readonly what: string;
  readonly makeLayer: (kit: Kit) => LayerUnderTest;
  /** The rule that must fail, and part of its message. */
  readonly fails: readonly [rule: string, message: string];
  readonly samples?: Samples<Req, Res>;
}

/** Makes a layer that passes everything on, except for what `broken` replaces. */
export function brokenLayer(
  broken: (inner: AnyService, kit: Kit) => Partial<AnyService>,
): (kit: Kit) => LayerUnderTest {
  return (kit) => (inner: AnyService) => ({
    ready: () => inner.ready(),
    call: (request, signal) => inner.call(request, signal),
    describe: () => ({ name: "broken", inner: [inner.describe()] }),
    ...broken(inner, kit),
  });
}

/**
 * Returns the rules of a suite, by name. Each runs as in a test runner and returns its message if it
 * fails. Use it to test a suite that adds rules to `conformance`: each of them must fail for some
 * {@link BrokenLayer}.
 *
 * @example
 * const rules = rulesOf((test) => conformance(test, broken.makeLayer, broken.samples));
 */
export function rulesOf(
  suite: (test: DefineTest) => void,
): ReadonlyMap<string, () => Promise<string | undefined>> {
  const rules = new Map<string, () => Promise<string | undefined>>();
  suite((name, run) =>
    rules.set(name.replace(/^(?:service )?conformance: /, ""), () => run().then(() => undefined, String)),
  );
  return rules;
}

/** Runs a suite and returns the messages of the rules that fail, by name. */
export async function failuresOf(suite: (test: DefineTest) => void): Promise<ReadonlyMap<string, string>> {
  const failures = new Map<string, string>();
  for (const [name, run] of rulesOf(suite)) {
    const message = await run();
    if (message !== undefined) failures.set(name, message);
  }
  return failures;
}
