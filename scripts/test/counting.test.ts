import { expect, test } from "vitest";
import { contentFaults } from "../checks/published/tarball.ts";
import { outcomes, type Report } from "../checks/vitest.ts";
import { command } from "../command.ts";

const assertion = (status: string): { fullName: string; status: string } => ({
  fullName: `a ${status}`,
  status,
});

function report(status: string, ...statuses: string[]): Report {
  return {
    testResults: [{ name: "a.test.ts", status, message: "", assertionResults: statuses.map(assertion) }],
  };
}

const results = (of: Report, code: number): string[] => outcomes(of, code).map((one) => one.result);

test("every test of vitest's report counts once", () => {
  const all = report("failed", "passed", "failed", "skipped", "todo");
  expect(results(all, 1)).toEqual(["passed", "failed", "skipped", "skipped"]);
});

test("a file that does not load is a failure", () => {
  expect(results(report("failed"), 1)).toEqual(["failed"]);
});

test("no tests at all is a failure", () => {
  expect(results({ testResults: [] }, 0)).toEqual(["failed"]);
});

test("an unhandled error beside passing tests is a failure", () => {
  expect(results(report("passed", "passed"), 1)).toEqual(["passed", "failed"]);
});

test("an unknown package is refused with the known ones, and the last line still counts", async () => {
  const { code, output } = await command(process.execPath, ["scripts/test.ts", "nowhere"]);
  expect(code).toBe(1);
  expect(output).toMatch(/nowhere: not one of the packages core,.*\n0 passed, 1 failed$/u);
});

const complete = [
  "LICENSE-MIT",
  "LICENSE-APACHE",
  "README.md",
  "package.json",
  "dist/index.js",
  "dist/index.d.ts",
];
const list = (...files: string[]): string =>
  [...complete, ...files].map((path) => `package/${path}`).join("\n");

test("a tarball with what users need and no more passes", () => {
  expect(
    contentFaults(list("src/index.ts", "dist/testing/index.js"), `{ "exports": "./dist/index.js" }`),
  ).toEqual([]);
});

test("a tarball with tests, with workspace: or without a licence does not", () => {
  const files = list("test/a.test.ts").replace("package/LICENSE-MIT\n", "");
  const manifest = `{ "exports": "./src/index.ts", "dependencies": { "@pagoda/core": "workspace:*" } }`;
  expect(contentFaults(files, manifest)).toHaveLength(4);
});
