import { once } from "node:events";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { filtersOf, parseArguments } from "../checks/selection.ts";
import { command } from "../command.ts";
import { root } from "../workspace.ts";
import { tree } from "./fixture.ts";

const workspace = (): string =>
  tree({
    "packages/core/package.json": { name: "@pagoda/core" },
    "packages/core/src/budget.ts": "",
    "packages/core/test/budget.test.ts": "",
    "packages/core/test/types/hover.test.ts": "",
    "packages/layers/retry/package.json": { name: "@pagoda/retry" },
    "scripts/test/docs.test.ts": "",
  });

function filters(...args: readonly string[]): readonly string[] {
  const parsed = parseArguments(args, workspace());
  if (typeof parsed === "string") throw new Error(parsed);
  return filtersOf(parsed.selection);
}

test("no arguments select everything", () => {
  expect(parseArguments([], workspace())).toEqual({ selection: { kind: "everything" }, watch: false });
});

test.each(["retry", "@pagoda/retry"])("%s selects the tests of the package", (name) => {
  expect(filters(name)).toEqual(["packages/layers/retry/test/"]);
});

test("files and folders select themselves, not folders with a longer name", () => {
  const paths = ["packages/core/test/budget.test.ts", "./packages/core/test/types", "scripts/"];
  expect(filters(...paths)).toEqual([
    "packages/core/test/budget.test.ts",
    "packages/core/test/types/",
    "scripts/",
  ]);
});

test("an absolute path selects the file", () => {
  const base = workspace();
  const parsed = parseArguments([join(base, "scripts/test/docs.test.ts")], base);
  expect(parsed).toMatchObject({ selection: { kind: "files", paths: ["scripts/test/docs.test.ts"] } });
});

test.each([[["--watch"]], [["--watch", "core"]], [["scripts", "--watch"]]])("%j watches", (args) => {
  expect(parseArguments(args, workspace())).toMatchObject({ watch: true });
});

test.each([
  [["nowhere"], `"nowhere" is not a file or a package (core, retry)`],
  [["scripts/test/docs.test.ts", "scripts/none.test.ts"], `"scripts/none.test.ts" is not a file`],
  [["packages/core/src/budget.ts"], "packages/core/src/budget.ts is not a test file"],
  [["packages/core/src"], "packages/core/src contains no test file"],
  [["core", "scripts"], "core cannot be combined with scripts"],
  [["bare", "core"], "bare cannot be combined with core"],
  [["--watch", "bare"], "bare cannot be watched"],
  [["--watching"], "unknown option --watching"],
])("%j is refused, naming the argument", (args, problem) => {
  expect(parseArguments(args, workspace())).toContain(problem);
});

test("a refused argument fails the run, which still ends with the counts", async () => {
  const { code, output } = await command(process.execPath, ["scripts/test.ts", "nowhere"]);
  expect(code).toBe(1);
  expect(output).toMatch(/^npm test: "nowhere" is not a file or a package \(.*\)\n0 passed, 1 failed$/u);
});

const small = "packages/core/test/fault.test.ts";

test("a file runs alone, and its tests are counted", async () => {
  const { code, output } = await command(process.execPath, ["scripts/test.ts", small]);
  expect(code).toBe(0);
  expect(output).toMatch(/\n[1-9]\d* passed, 0 failed$/u);
  expect(output).not.toContain("── docs");
});

test("--watch runs a file and waits for a change", async () => {
  const child = spawn(process.execPath, ["scripts/test.ts", "--watch", small], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    output += text;
    if (output.includes("Waiting for file changes")) child.kill("SIGTERM");
  }
  expect(output).toContain("fault.test.ts");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
});
