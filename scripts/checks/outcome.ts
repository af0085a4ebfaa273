import type { Package } from "../workspace.ts";

/** What one check found: the unit that `npm test` counts. */
export interface Outcome {
  readonly name: string;
  readonly result: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped; left out when it has been shown already. */
  readonly detail?: string;
}

export interface Step {
  readonly name: string;
  /** Over the whole workspace, or over one package. */
  run(only: Package | undefined): Promise<readonly Outcome[]>;
}

export const passed = (name: string): Outcome => ({ name, result: "passed" });
export const failed = (name: string, detail: string): Outcome => ({ name, result: "failed", detail });
export const skipped = (name: string, detail: string): Outcome => ({ name, result: "skipped", detail });

/** A check that passes when it finds no fault. */
export function faultless(name: string, faults: readonly string[]): Outcome {
  return faults.length === 0 ? passed(name) : failed(name, faults.join("\n"));
}

/** A check that passes when its program ends with 0. */
export function exited(name: string, { code, output }: { code: number; output: string }): Outcome {
  return code === 0 ? passed(name) : failed(name, output || `ended with ${code} and said nothing`);
}

/** Begins the reason of a skip that no installation could prevent. */
export const impossibleHere = "impossible here: ";

/**
 * The outcomes where everything that can be installed is, as in .ci/run: a skip for want of something, or without a
 * reason, is a failure there.
 */
export function withoutSkips(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.map((one) =>
    one.result !== "skipped" || one.detail?.startsWith(impossibleHere)
      ? one
      : failed(one.name, `was skipped: ${one.detail ?? "no reason given"}`),
  );
}
