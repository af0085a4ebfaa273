import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const section = readme.split("## What it promises")[1]?.split("\n## ")[0] ?? "";
const promises = [...section.matchAll(/^\| (.+?) +\| `([\w.-]+)` +\| (.+?) +\|$/gm)].map(
  ([, promise = "", file = "", name = ""]) => ({ promise, file, name }),
);

test("the README lists promises, each with a file and a test", () => {
  expect(promises.length).toBeGreaterThan(20);
});

test.each(promises)("$promise: its test is there", ({ file, name }) => {
  const source = readFileSync(new URL(`e2e/${file}`, import.meta.url), "utf8");
  expect(source).toContain(`"${name}"`);
});
