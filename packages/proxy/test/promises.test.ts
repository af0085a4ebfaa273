import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { jsonSchema } from "../src/config/json-schema.ts";

const table = readFileSync(new URL("e2e/README.md", import.meta.url), "utf8");
const promises = [...table.matchAll(/^\| (.+?) +\| `([\w.-]+)` +\| (.+?) +\|$/gm)].map(
  ([, promise = "", file = "", name = ""]) => ({ promise, file, name }),
);

test("the table is parsed", () => {
  expect(promises.length).toBeGreaterThan(20);
});

describe("the table has a row for the field", () => {
  const { listeners, clusters } = schemaParts();
  const { policies, ...ofCluster } = clusters;
  const parts = [
    ...Object.keys(listeners["policies"]?.properties ?? {}),
    ...Object.keys(listeners["routes"]?.items?.properties?.["policies"]?.properties ?? {}),
    ...Object.keys(ofCluster),
    ...Object.keys(policies?.properties ?? {}),
  ];

  test.each([...new Set(parts)])("%s", (part) => {
    expect(promises.map(({ promise }) => promise).join("\n")).toContain(`\`${part}\``);
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
}

function schemaParts() {
  const { listeners, clusters } = (jsonSchema() as Schema).properties ?? {};
  return {
    listeners: listeners?.items?.properties ?? {},
    clusters: clusters?.additionalProperties?.properties ?? {},
  };
}

test.each(promises)("$promise: its test exists", ({ file, name }) => {
  const source = readFileSync(new URL(`e2e/${file}`, import.meta.url), "utf8");
  expect(source).toContain(`"${name}"`);
});
