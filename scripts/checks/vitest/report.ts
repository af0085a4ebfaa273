import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

/** The results of a vitest run. */
export interface Report {
  readonly files: readonly ReportedFile[];
}

export interface ReportedFile {
  readonly path: string;
  readonly passed: boolean;
  /** Errors outside its tests: a failed import or hook. */
  readonly message: string;
  readonly tests: readonly ReportedTest[];
}

export interface ReportedTest {
  readonly name: string;
  readonly result: "passed" | "failed" | "skipped";
  /** The argument of `skip(reason)`. */
  readonly reason?: string;
}

/** Names the report file, because reporters get no options on the command line. */
export const reportVariable = "PAGODA_TEST_REPORT";

/** Unlike vitest's JSON reporter, it includes the reasons of skipped tests. */
export default class ReportWriter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const report: Report = { files: modules.map(toFile) };
    writeFileSync(process.env[reportVariable] as string, JSON.stringify(report));
  }
}

function toFile(module: TestModule): ReportedFile {
  const suites = [module, ...module.children.allSuites()];
  return {
    path: module.moduleId,
    passed: module.ok(),
    message: suites.flatMap((one) => one.errors().map(({ message }) => message)).join("\n"),
    tests: [...module.children.allTests()].map(toTest),
  };
}

function toTest(one: TestCase): ReportedTest {
  const name = one.fullName;
  const result = one.result();
  if (result.state !== "skipped") return { name, result: result.state === "passed" ? "passed" : "failed" };
  const reason = one.options.mode === "todo" ? "not written yet" : result.note;
  return { name, result: "skipped", ...(reason !== undefined && { reason }) };
}
