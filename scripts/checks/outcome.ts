import type { Package } from "../workspace.ts";

/** The result of one check, the unit that `npm test` counts. */
export interface Outcome {
  readonly name: string;
  readonly result: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped; omitted if it has already been shown. */
  readonly detail?: string;
}

export interface Step {
  readonly name: string;
  /** Checks the whole workspace or one package. */
  run(only: Package | undefined): Promise<readonly Outcome[]>;
}

export const passed = (name: string): Outcome => ({ name, result: "passed" });
export const failed = (name: string, detail: string): Outcome => ({ name, result: "failed", detail });
export const skipped = (name: string, detail: string): Outcome => ({ name, result: "skipped", detail });

/** A check that passes if there are no faults. */
export function faultless(name: string, faults: readonly string[]): Outcome {
  return faults.length === 0 ? passed(name) : failed(name, faults.join("\n"));
}

/** A check that passes if its program exits with 0. */
export function exited(name: string, { code, output }: { code: number; output: string }): Outcome {
  return code === 0 ? passed(name) : failed(name, output || `exited with ${code} without output`);
}

/** Prefix of the reason for a skip that no installation could prevent. */
export const impossibleHere = "impossible here: ";

/**
 * Turns avoidable skips into failures, for environments where everything installable is installed, such as .ci/run.
 */
export function withoutSkips(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.map((one) =>
    one.result !== "skipped" || one.detail?.startsWith(impossibleHere)
      ? one
      : failed(one.name, `was skipped: ${one.detail ?? "no reason given"}`),
  );
}
