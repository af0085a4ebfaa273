import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { command } from "../command.ts";
import { root } from "../workspace.ts";

interface Case {
  readonly file: string;
  readonly code: string;
  readonly says: readonly string[];
}

const clock = "take the time from the injected Clock";
const timer = "set timers on the injected Clock";
const random = "draw from the injected Random";
const speech = "a library does not write to its user's terminal";
const sleep = "tests do not sleep";

const core = "packages/core/src/part.ts";
const layer = "packages/layers/retry/src/part.ts";
const coreTest = "packages/core/test/part.test.ts";
const layerTest = "packages/layers/retry/test/part.test.ts";

const banned: readonly Case[] = [
  { file: core, code: `export const a = Date.now();`, says: ["Date.now is banned", clock] },
  { file: layer, code: `export const a = Date["now"]();`, says: ["Date.now is banned", clock] },
  {
    file: layer,
    code: `const { now } = Date;\nexport const a = now();`,
    says: ["Date.now is banned", clock],
  },
  { file: layer, code: `export const a = new Date();`, says: ["new Date() is banned", clock] },
  { file: layer, code: `export const a = new globalThis.Date();`, says: ["new Date() is banned", clock] },
  { file: core, code: `export const a = performance.now();`, says: ["performance is banned", clock] },
  {
    file: layer,
    code: `export { performance } from "node:perf_hooks";`,
    says: [`"node:perf_hooks" is banned`, clock],
  },
  { file: core, code: `export const a = process.hrtime();`, says: ["process.hrtime is banned", clock] },
  {
    file: core,
    code: `export const a = process.hrtime.bigint();`,
    says: ["process.hrtime is banned", clock],
  },
  { file: core, code: `export const a = Math.random();`, says: ["Math.random is banned", random] },
  {
    file: layer,
    code: `const { random } = Math;\nexport const a = random();`,
    says: ["Math.random is banned", random],
  },
  { file: layer, code: `export const a = setTimeout(() => 1, 5);`, says: ["setTimeout is banned", timer] },
  {
    file: layer,
    code: `export const a = globalThis.setTimeout(() => 1, 5);`,
    says: ["setTimeout is banned", timer],
  },
  { file: core, code: `export const a = setInterval(() => 1, 5);`, says: ["setInterval is banned", timer] },
  { file: core, code: `export const a = setImmediate(() => 1);`, says: ["setImmediate is banned", timer] },
  {
    file: layer,
    code: `export { setTimeout } from "node:timers/promises";`,
    says: [`"node:timers/promises"`, timer],
  },
  {
    file: layer,
    code: `export const a = AbortSignal.timeout(5);`,
    says: ["AbortSignal.timeout is banned", timer],
  },
  {
    file: layer,
    code: `import { Body } from "@pagoda/http";\nexport const a = (b: unknown) => b instanceof Body;`,
    says: ["instanceof Body is banned", "another copy of its package"],
  },
  { file: core, code: `export const a = () => console.log(1);`, says: ["console is banned", speech] },
  {
    file: "packages/proxy/src/part.ts",
    code: `export const a = (b: AbortSignal) => AbortSignal.any([b]);`,
    says: ["AbortSignal.any is banned", "make a Scope"],
  },
  { file: "packages/core/src/clock.ts", code: `export const a = Math.random();`, says: [random] },
  { file: "packages/core/src/random.ts", code: `export const a = Date.now();`, says: [clock] },
  {
    file: layerTest,
    code: `import { test } from "vitest";\ntest.only("a", () => {});`,
    says: ["no-focused-tests"],
  },
  {
    file: layerTest,
    code: `import { test } from "vitest";\ntest.skip("a", () => {});`,
    says: ["no-disabled-tests"],
  },
  {
    file: layerTest,
    code: `import { describe } from "vitest";\ndescribe.skip("a", () => {});`,
    says: ["no-disabled-tests"],
  },
  { file: coreTest, code: `export { setTimeout } from "node:timers/promises";`, says: [sleep] },
  {
    file: coreTest,
    code: `import { setTimeout } from "node:timers/promises";\nawait setTimeout(5);`,
    says: [sleep],
  },
  { file: coreTest, code: `await new Promise((resolve) => setTimeout(resolve, 5));`, says: [sleep] },
  {
    file: coreTest,
    code: `await new Promise((done) => {\n  setTimeout(() => done(1), 5);\n});`,
    says: [sleep],
  },
  {
    file: coreTest,
    code: `import { promisify } from "node:util";\nawait promisify(setTimeout)(5);`,
    says: [sleep],
  },
];

const allowed: readonly Omit<Case, "says">[] = [
  {
    file: "packages/core/src/clock.ts",
    code: `export const a = [performance.now(), Date.now(), setTimeout(() => 1, 5)];`,
  },
  { file: "packages/core/src/random.ts", code: `export const a = Math.random();` },
  { file: layer, code: `export const a = (ms: number) => new Date(ms).toUTCString();` },
  { file: layer, code: `export const a = (setTimeout: (ms: number) => void) => setTimeout(5);` },
  { file: layer, code: `export const a = (clock: { setTimeout(): void }) => clock.setTimeout();` },
  {
    file: layer,
    code: `import { Table } from "./table.ts";\nexport const a = (b: unknown) => b instanceof Table;`,
  },
  { file: layer, code: `export type Timer = ReturnType<typeof setTimeout>;` },
  { file: "packages/proxy/src/part.ts", code: `export const a = [Date.now(), Math.random()];` },
  { file: coreTest, code: `export const a = (b: AbortSignal) => AbortSignal.any([b]);` },
  {
    file: coreTest,
    code: `await new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 5));`,
  },
  { file: coreTest, code: `export const slow = (end: () => void) => setTimeout(end, 5);` },
];

describe("the linter reports, with the reason", () => {
  const messages = lint(banned);
  test.each(banned)("$file: $code", async (one) => {
    const said = (await messages).get(one)?.join("\n");
    for (const words of one.says) expect(said).toContain(words);
  });
});

describe("the linter accepts", () => {
  const messages = lint(allowed);
  test.each(allowed)("$file: $code", async (one) => {
    expect((await messages).get(one)).toEqual([]);
  });
});

interface Findings {
  readonly diagnostics: readonly {
    readonly message: string;
    readonly code: string;
    readonly filename: string;
  }[];
  readonly number_of_files: number;
}

/** Lints all snippets in one run, each where its rules apply; returns the messages for each. */
async function lint<C extends Omit<Case, "says">>(cases: readonly C[]): Promise<Map<C, string[]>> {
  const directory = mkdtempSync(join(tmpdir(), "pagoda-lint-"));
  try {
    copyFileSync(join(root, ".oxlintrc.json"), join(directory, ".oxlintrc.json"));
    symlinkSync(join(root, "scripts"), join(directory, "scripts"));
    const files = cases.map((one, index) => write(directory, one, index));
    const { output } = await command("oxlint", ["--format", "json", "packages"], { cwd: directory });
    const { diagnostics, number_of_files: linted } = JSON.parse(output) as Findings;
    expect(linted).toBe(cases.length);
    const of = (file: string | undefined): string[] =>
      diagnostics.filter((one) => one.filename === file).map((one) => `${one.code} ${one.message}`);
    return new Map(cases.map((one, index) => [one, of(files[index])]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function write(directory: string, { file, code }: Omit<Case, "says">, index: number): string {
  const own = file.replace("/part.", `/part${index}.`);
  mkdirSync(dirname(join(directory, own)), { recursive: true });
  writeFileSync(join(directory, own), `${code}\n`);
  return own;
}
