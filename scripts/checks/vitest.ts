import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { command } from "../command.ts";
import { root } from "../workspace.ts";
import { failed, type Outcome, skipped, type Step } from "./outcome.ts";
import { type Report, type ReportedFile, type ReportedTest, reportVariable } from "./vitest/report.ts";

const reporter = fileURLToPath(new URL("vitest/report.ts", import.meta.url));

/** Runs the tests whose paths contain one of the filters, or all tests if there are no filters. */
export const tests = (filters: readonly string[]): Step => ({
  name: "tests",
  async run() {
    const directory = mkdtempSync(join(tmpdir(), "pagoda-tests-"));
    const file = join(directory, "report.json");
    try {
      const reporters = ["--reporter=default", `--reporter=${reporter}`];
      const env = { [reportVariable]: file };
      const { code } = await command("vitest", ["run", ...reporters, ...filters], { live: true, env });
      if (!existsSync(file)) return [failed("vitest", `exited with ${code} without a report`)];
      return outcomes(JSON.parse(readFileSync(file, "utf8")) as Report, code);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
});

/** Reruns tests when a file that they import changes, until interrupted. */
export async function watchTests(filters: readonly string[]): Promise<void> {
  // Imported here because it takes half a second.
  const { startVitest } = await import("vitest/node");
  await startVitest("test", [...filters], { root, watch: true });
}

/** Every test as an outcome, plus failures of the run that are not failures of a test. */
export function outcomes({ files }: Report, code: number): Outcome[] {
  const all = files.flatMap((file) => [
    ...file.tests.map((one) => toOutcome(inRoot(file.path), one)),
    ...unloadable(file),
  ]);
  const explained = code === 0 || all.some((one) => one.result === "failed");
  if (all.length === 0) return [failed("vitest", "no tests")];
  return explained
    ? all
    : [...all, failed("vitest", `exited with ${code} although no test failed: see above`)];
}

function toOutcome(file: string, { name, result, reason = "no reason given" }: ReportedTest): Outcome {
  const full = `${file} ${name}`;
  // vitest has already shown why a test failed.
  return result === "skipped" ? skipped(full, reason) : { name: full, result };
}

function unloadable({ path, passed, message, tests: inFile }: ReportedFile): Outcome[] {
  const counted = inFile.some((one) => one.result === "failed");
  return passed || counted ? [] : [failed(inRoot(path), message || "no tests")];
}

function inRoot(path: string): string {
  return relative(root, path);
}
