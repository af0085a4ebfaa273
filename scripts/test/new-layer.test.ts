import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { documentOutcomes } from "../checks/docs.ts";
import { entryFaults } from "../checks/dependencies/entries.ts";
import { manifestFaults } from "../checks/dependencies/manifest.ts";
import { runtimeDependencies } from "../checks/dependencies/rules.ts";
import { shapeFaults } from "../checks/dependencies/shape.ts";
import { command } from "../command.ts";
import { generateInRepository } from "../../packages/create-layer/src/index.ts";
import { type Package, packages, readManifest, root } from "../workspace.ts";

// A miniature workspace in which everything but the generated layers is the real thing.
const layers = ["max-calls", "max-upload"];
let base: string;

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "pagoda-new-layer-")));
  generateInRepository(join(base, "packages/layers/max-calls"), "max-calls");
  generateInRepository(join(base, "packages/layers/max-upload"), "max-upload", "http");
  for (const linked of ["node_modules", "scripts", "packages/core", "packages/http"])
    symlinkSync(join(root, linked), join(base, linked));
  for (const copied of [
    "README.md",
    "package.json",
    ".oxlintrc.json",
    ".oxfmtrc.json",
    "tsconfig.base.json",
  ]) {
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

test.each(layers)("a generated layer has the shape of all layers: %s", (short) => {
  const all = packages(base);
  const generated = all.find((one) => one.short === short);
  expect(generated?.name).toBe(`@pagoda/${short}`);
  expect(generated && [...shapeFaults(generated), ...manifestFaults(generated, all)]).toEqual([]);
});

test.each(layers)("a generated layer lacks only a row in the table of packages: %s", (short) => {
  const generated = packages(base).find((one) => one.short === short) as Package;
  expect(entryFaults(base, generated)).toEqual([
    expect.stringMatching(/^README\.md: .* the row "\| \[@pagoda/u),
  ]);
});

test("only a layer about HTTP depends on http", () => {
  const dependencies = (short: string): readonly string[] =>
    runtimeDependencies(readManifest(join(base, "packages/layers", short)));
  expect(dependencies("max-calls")).toEqual(["@pagoda/core"]);
  expect(dependencies("max-upload")).toEqual(["@pagoda/core", "@pagoda/http"]);
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

test.each(layers)("the example in a generated README runs: %s", async (short) => {
  const outcomes = await documentOutcomes(base, [`packages/layers/${short}/README.md`]);
  expect(outcomes.filter(({ result }) => result !== "passed")).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(1);
});

test.each([
  [["@acme/max-calls"], 'name must have no scope (got "@acme/max-calls")'],
  [["Max"], 'name must be lower-case words joined by "-"'],
  [["timeout"], "packages/layers/timeout already exists"],
  [["max-calls", "max-upload"], `expected one name (got "max-upload", too)`],
  [["max-calls", "--htpp"], "Unknown option '--htpp'"],
])("new-layer %j creates nothing and says why", async (args, why) => {
  const { code, output } = await command(process.execPath, [join(root, "scripts/new-layer.ts"), ...args]);
  expect(code).toBe(2);
  expect(output).toContain(`new-layer: ${why}`);
});
