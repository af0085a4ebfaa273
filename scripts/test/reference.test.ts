import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeReference } from "../../docs/reference.ts";
import { packages } from "../workspace.ts";
import { tree } from "./fixture.ts";

const sound = {
  "packages/core/package.json": {
    name: "@pagoda/core",
    description: "The contract.",
    exports: { ".": "./src/index.ts", "./testing": "./src/testing/index.ts" },
  },
  "packages/core/README.md": "# core\n",
  "packages/core/src/index.ts": "/** Retries share a {@link Budget}. */\nexport class Budget {}\n",
  "packages/core/src/testing/index.ts": `export const now = 0;\n`,
  "docs/tsconfig.json": { compilerOptions: { module: "nodenext", types: [] }, include: ["../packages"] },
  "docs/README.md": "[Budgets](guides/budgets.md)\n",
  "docs/guides/budgets.md":
    "# How to budget\n\n[core](../../packages/core), [words](../../GLOSSARY.md), [terms](../../LICENSE.md#b)\n",
  "LICENSE.md": "# A\n\n## B\n",
  "GLOSSARY.md": "# Glossary\n",
};

async function make(files: Readonly<Record<string, string>>): Promise<{ made: boolean; out: string }> {
  const base = tree({ ...sound, ...files });
  const out = join(base, "docs/api");
  return { made: await makeReference(base, packages(base), out), out };
}

test("modules are named by their import path, guides by their title, and links resolve", async () => {
  const { made, out } = await make({});
  expect(made).toBe(true);
  expect(readdirSync(join(out, "modules"))).toEqual(["_pagoda_core.html", "_pagoda_core_testing.html"]);
  const guide = readFileSync(join(out, "documents/How_to_budget.html"), "utf8");
  expect(guide.match(/<h1[ >]/gu)).toHaveLength(1);
  expect(guide).toContain(`href="../modules/_pagoda_core.html"`);
  expect(guide).toContain(`href="Glossary.html"`);
  expect(guide).toContain(`href="https://github.com/pagoda-ts/pagoda/blob/main/LICENSE.md#b"`);
});

test.each([
  ["a link to nothing", { "packages/core/src/index.ts": "/** {@link Nowhere} */\nexport const a = 0;\n" }],
  [
    "a type that cannot be imported",
    { "packages/core/src/index.ts": "interface Own { a: 0 }\nexport const a: Own = { a: 0 };\n" },
  ],
  ["a guide's link to no file", { "docs/guides/budgets.md": "# A\n\n[b](none.md)\n" }],
])("%s is an error", async (_, files) => {
  expect((await make(files)).made).toBe(false);
});
