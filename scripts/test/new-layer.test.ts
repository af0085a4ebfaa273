import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { documentOutcomes } from "../checks/docs.ts";
import { shapeFaults } from "../checks/dependencies/shape.ts";
import { command } from "../command.ts";
import { generate, nameProblem } from "../new-layer/generate.ts";
import { packages, root } from "../workspace.ts";

// A miniature workspace in which everything but the generated layer is the real thing.
let base: string;
let directory: string;

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "pagoda-new-layer-")));
  directory = join(base, "packages/layers/max-calls");
  generate(directory, "max-calls");
  for (const linked of ["node_modules", "scripts", "packages/core", "packages/http"])
    symlinkSync(join(root, linked), join(base, linked));
  for (const copied of ["package.json", ".oxlintrc.json", ".oxfmtrc.json", "tsconfig.base.json"]) {
    cpSync(join(root, copied), join(base, copied));
  }
  const compilerOptions = { noEmit: true };
  const tsconfig = { extends: "./tsconfig.base.json", compilerOptions, include: ["packages/layers"] };
  writeFileSync(join(base, "tsconfig.json"), JSON.stringify(tsconfig));
  writeFileSync(
    join(base, "vitest.config.ts"),
    `export default { test: { include: ["packages/layers/**/*.test.ts"] } };\n`,
  );
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

async function mustPass(program: string, args: readonly string[], cwd: string = base): Promise<void> {
  const { code, output } = await command(program, args, { cwd });
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
}

test("a generated layer has the shape of all layers", () => {
  const generated = packages(base).find(({ kind }) => kind === "layer");
  expect(generated?.name).toBe("@pagoda/max-calls");
  expect(generated && shapeFaults(generated)).toEqual([]);
});

test("a generated layer passes the linter", async () => {
  await mustPass("oxlint", ["packages/layers"]);
});

test("a generated layer compiles", async () => {
  await mustPass("tsc", ["-p", "tsconfig.json"]);
});

test("a generated layer passes its tests, conformance included", async () => {
  await mustPass("node", [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    "--config",
    "vitest.config.ts",
  ]);
});

test("the example in a generated README runs", async () => {
  const outcomes = await documentOutcomes(base, ["packages/layers/max-calls/README.md"]);
  expect(outcomes.filter(({ result }) => result !== "passed")).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(1);
});

test.each(["", "Max", "max_length", "-max", "max-", "1st", "a/b", ".."])(
  "%j is not a valid name for a layer",
  (name) => {
    expect(nameProblem(name)).toContain(`"${name}"`);
  },
);
