import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { reference } from "../../src/config/reference.ts";
import { scenarioJsonSchema, scenarioReference } from "../../src/simulation/scenario/reference.ts";

const file = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

/** Tables are aligned when they are written. */
function plain(page: string): string {
  return page.replaceAll(/-{3,}/g, "---").replaceAll(/\s+/g, " ");
}

test("CONFIGURATION.md is the output of `npm run configuration`", () => {
  // Compared here: a difference would fill pages.
  const isCurrent = plain(file("CONFIGURATION.md")) === plain(reference());
  expect(isCurrent, "run `npm run configuration`").toBe(true);
});

test("pagoda.schema.json is the output of `pagoda schema`", () => {
  expect(JSON.parse(file("pagoda.schema.json"))).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
});

test("SCENARIO.md and its schema are the output of `npm run configuration`", () => {
  const isCurrent = plain(file("SCENARIO.md")) === plain(scenarioReference());
  expect(isCurrent, "run `npm run configuration`").toBe(true);
  expect(JSON.parse(file("scenario.schema.json"))).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())));
});

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
  readonly anyOf?: readonly Described[];
  readonly oneOf?: readonly Described[];
  readonly additionalProperties?: Described | boolean;
}

function undescribed(schema: Described, path = ""): string[] {
  const { properties = {}, items, anyOf = [], oneOf = [], additionalProperties } = schema;
  const found: string[] = [];
  for (const [name, field] of Object.entries(properties)) {
    if (field.description === undefined) found.push(`${path}.${name}`);
    found.push(...undescribed(field, `${path}.${name}`));
  }
  const entries = typeof additionalProperties === "object" ? [additionalProperties] : [];
  for (const each of [...(items ? [items] : []), ...anyOf, ...oneOf, ...entries])
    found.push(...undescribed(each, path));
  return found;
}

test("every field has a description", () => {
  expect(undescribed(jsonSchema() as Described)).toEqual([]);
  expect(undescribed(scenarioJsonSchema() as Described)).toEqual([]);
});
