import { join } from "node:path";
import { expect, test } from "vitest";
import { bundleFaults, installFaults, pageFaults, sizeFaults } from "../checks/published/sizes.ts";
import { contentFaults, tarballOutcomes } from "../checks/published/tarball.ts";
import { passed, skipped, withoutSkips } from "../checks/outcome.ts";
import type { Report, ReportedTest } from "../checks/vitest/report.ts";
import { outcomes } from "../checks/vitest.ts";
import { command } from "../command.ts";
import { packages } from "../workspace.ts";
import { tree } from "./fixture.ts";

function report(isPassed: boolean, ...tests: readonly ReportedTest[]): Report {
  return { files: [{ path: "a.test.ts", passed: isPassed, message: "", tests }] };
}

const aPassed: ReportedTest = { name: "a passed", result: "passed" };
const results = (of: Report, code: number): string[] => outcomes(of, code).map((one) => one.result);

test("every test in vitest's report counts once, skipped ones with the reason", () => {
  const needing: ReportedTest = { name: "a skipped", result: "skipped", reason: "needs curl" };
  const silent: ReportedTest = { name: "another", result: "skipped" };
  const all = outcomes(report(false, aPassed, { name: "b", result: "failed" }, needing, silent), 1);
  expect(all.map(({ result, detail }) => ({ result, detail }))).toEqual([
    { result: "passed", detail: undefined },
    { result: "failed", detail: undefined },
    { result: "skipped", detail: "needs curl" },
    { result: "skipped", detail: "no reason given" },
  ]);
});

test("withoutSkips turns skips into failures unless they are impossible to avoid", () => {
  const impossible = skipped("c", "impossible here: the kernel forbids it");
  const all = withoutSkips([passed("a"), skipped("b", "needs curl"), impossible]);
  expect(all).toEqual([
    passed("a"),
    { name: "b", result: "failed", detail: "was skipped: needs curl" },
    impossible,
  ]);
});

test("a file that fails to load is a failure", () => {
  expect(results(report(false), 1)).toEqual(["failed"]);
});

test("a run without tests is a failure", () => {
  expect(results({ files: [] }, 0)).toEqual(["failed"]);
});

test("an unhandled error is a failure even if all tests pass", () => {
  expect(results(report(true, aPassed), 1)).toEqual(["passed", "failed"]);
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

test("a tarball with exactly what users need passes", () => {
  expect(
    contentFaults(list("src/index.ts", "dist/testing/index.js"), `{ "exports": "./dist/index.js" }`, ""),
  ).toEqual([]);
});

test("a tarball that is larger than its package may be fails", () => {
  expect(sizeFaults("@pagoda/timeout", 32 * 1_024)).toEqual([]);
  expect(sizeFaults("@pagoda/timeout", 33 * 1_024)).toHaveLength(1);
  expect(pageFaults(150_000)).toEqual([]);
  expect(pageFaults(150_001)).toHaveLength(1);
  expect(sizeFaults("@pagoda/core", 33 * 1_024)).toEqual([]);
});

test("a bundle that is larger than it may be, minified or gzipped, fails", () => {
  expect(bundleFaults(25.5 * 1_024, 9.6 * 1_024)).toEqual([]);
  expect(bundleFaults(25.5 * 1_024 + 1, 9.6 * 1_024)).toHaveLength(1);
  expect(bundleFaults(25.5 * 1_024, 9.6 * 1_024 + 1)).toHaveLength(1);
});

test("an installation of core above 1 MB fails", () => {
  expect(installFaults(1_000_000)).toEqual([]);
  expect(installFaults(1_000_001)).toHaveLength(1);
});

test("a tarball with tests, with workspace: or without a license fails", () => {
  const files = list("test/a.test.ts").replace("package/LICENSE-MIT\n", "");
  const manifest = `{ "exports": "./src/index.ts", "dependencies": { "@pagoda/core": "workspace:*" } }`;
  expect(contentFaults(files, manifest, "")).toHaveLength(4);
  expect(contentFaults(list("template/test/a.test.ts.txt"), "{}", "")).toEqual([]);
});

test("a tarball without the files that its README links to fails, except for tests and external links", () => {
  const readme = [
    "[a](GUIDE.md#part), [b](examples), [c](deploy/unit.service), [d](./src/index.ts)",
    "[e](test/a.test.ts), [f](../core), [g](#part), [h](https://a.example/b)",
  ].join("\n");
  expect(contentFaults(list("src/index.ts", "examples/a.yaml"), "{}", readme)).toEqual([
    "GUIDE.md: missing",
    "deploy/unit.service: missing",
  ]);
});

test("a tarball with missing exports or types fails", async () => {
  const manifest = {
    name: "@pagoda/core",
    version: "0.1.0",
    type: "module",
    exports: { ".": "./dist/index.js", "./testing": "./dist/testing.js" },
  };
  const base = tree({
    "packages/core/package.json": manifest,
    "packages/core/README.md": "",
    "package/package.json": manifest,
    "package/dist/index.js": "export const a = 0;",
    "package/dist/index.d.ts": "export { a } from './none.js';",
  });
  await command("tar", ["-czf", join(base, "pagoda-core-0.1.0.tgz"), "-C", base, "package"]);
  const all = await Promise.all(packages(base).map((one) => tarballOutcomes(one, base)));
  const [contents, publint, attw] = all.flat();
  expect(contents?.detail).toContain("LICENSE-MIT: missing");
  expect(publint?.detail).toContain("./dist/testing.js");
  expect(attw?.detail).toContain("InternalResolutionError");
});
