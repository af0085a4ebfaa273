import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { vocabulary } from "../../src/schema/vocabulary.ts";

const guide = readFileSync(new URL("../../../../docs/guides/proxy-policy.md", import.meta.url), "utf8");
const [, section = ""] = /### The vocabulary\n(.*?)\n## /s.exec(guide) ?? [];
const rows = [...section.matchAll(/^\|([^|]*)\|([^|]*)\|/gm)].slice(2).map(([, words = "", values = ""]) => ({
  words: [...words.matchAll(/`(\w+)/g)].map(([, word = ""]) => word),
  values: [...values.matchAll(/`([^`]+)`/g)].map(([, value = ""]) => value),
}));

test("the guide lists the words of the vocabulary", () => {
  expect(rows.flatMap(({ words }) => words).toSorted()).toEqual(Object.keys(vocabulary).toSorted());
});

test.each(["duration", "size", "rate", "ratio"] as const)("the guide's values of %s are valid", (word) => {
  const values = rows
    .find(({ words }) => words.includes(word))
    ?.values.filter((value) => !value.includes("B/s"));
  expect(values?.length).toBeGreaterThan(1);
  for (const value of values ?? [])
    expect(vocabulary[word].safeParse(Number(value) || value).error).toBeUndefined();
});

test("a default is written as in the file", () => {
  expect(vocabulary.duration.prefault("24h").parse(undefined)).toBe(86_400_000);
});
