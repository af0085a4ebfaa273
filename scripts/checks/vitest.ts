import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { command } from "../command.ts";
import { root } from "../workspace.ts";
import { failed, type Outcome, type Step } from "./outcome.ts";

/** The part of vitest's JSON report that is counted. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

export const tests: Step = {
  name: "tests",
  async run(only) {
    const directory = mkdtempSync(join(tmpdir(), "pagoda-tests-"));
    const file = join(directory, "report.json");
    try {
      const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
      const filter = only === undefined ? [] : [`${only.folder}/test/`];
      const { code } = await command("vitest", ["run", ...reporters, ...filter], { live: true });
      if (!existsSync(file)) return [failed("vitest", `ended with ${code} and left no report`)];
      return outcomes(JSON.parse(readFileSync(file, "utf8")) as Report, code);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};

/** Every test as an outcome, and every way in which a run fails without a test that does. */
export function outcomes(report: Report, code: number): Outcome[] {
  const all = report.testResults.flatMap((file) => [
    ...file.assertionResults.map(({ fullName, status }) =>
      toOutcome(`${inRoot(file.name)} ${fullName}`, status),
    ),
    ...unloadable(file),
  ]);
  const explained = code === 0 || all.some((one) => one.result === "failed");
  if (all.length === 0) return [failed("vitest", "no tests")];
  return explained
    ? all
    : [...all, failed("vitest", `ended with ${code} although no test failed: see above`)];
}

function toOutcome(name: string, status: string): Outcome {
  // vitest has shown why already.
  if (status === "failed") return { name, result: "failed" };
  return { name, result: status === "passed" ? "passed" : "skipped", detail: status };
}

function unloadable(file: Report["testResults"][number]): Outcome[] {
  const counted = file.assertionResults.some((one) => one.status === "failed");
  return file.status === "failed" && !counted ? [failed(inRoot(file.name), file.message || "no tests")] : [];
}

function inRoot(path: string): string {
  return relative(root, path);
}
