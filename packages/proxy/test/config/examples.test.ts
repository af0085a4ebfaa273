import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isLeft } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { ConfigDocument } from "../../src/config/document.ts";
import { pluginLoader } from "../../src/config/load.ts";
import { pluginsOf } from "../../src/config/plugins.ts";
import { readConfig } from "../../src/config/read.ts";
import { written } from "../../src/config/schema/config.ts";
import { builtInPolicies, type PolicyRegistry } from "../../src/policies/registry.ts";

const folder = fileURLToPath(new URL("../../examples/", import.meta.url));
const examples = globSync("{,mesh/}*.yaml", { cwd: folder });

/** The policies of an example, with those of its plugins. */
async function policiesOf(name: string): Promise<PolicyRegistry> {
  const document = new ConfigDocument(readFileSync(folder + name, "utf8"));
  const { policies, problems } = await pluginsOf(
    document,
    folder + name,
    await pluginLoader()(),
    builtInPolicies,
  );
  expect(problems).toEqual([]);
  return policies;
}

describe("an example", () => {
  test.each(examples)("%s is valid and refers editors to its schema", async (name) => {
    const text = readFileSync(folder + name, "utf8");
    expect(text).toMatch(/^# yaml-language-server: \$schema=(?:\.\.\/)+pagoda\.schema\.json\n/);
    const read = readConfig(text, await policiesOf(name));
    expect(isLeft(read) ? read.left : []).toEqual([]);
  });

  test.each(examples)("%s can be written with all its defaults and read again", async (name) => {
    const policies = await policiesOf(name);
    const read = readConfig(readFileSync(folder + name, "utf8"), policies);
    if (isLeft(read)) throw new Error(`${name} is not valid`);
    expect(readConfig(JSON.stringify(written(read.right, policies)), policies)).toEqual(read);
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** All fields, by their path; entries of lists and maps have no name. */
function fieldsOf(schema: Schema, path: string = ""): string[] {
  const { properties = {}, additionalProperties, items, anyOf = [], oneOf = [] } = schema;
  const entries = typeof additionalProperties === "object" ? additionalProperties : undefined;
  const inner = [items, entries, ...anyOf, ...oneOf].filter((each) => each !== undefined);
  const fields = inner.flatMap((each) => fieldsOf(each, path));
  for (const [name, each] of Object.entries(properties))
    fields.push(`${path}.${name}`, ...fieldsOf(each, `${path}.${name}`));
  return fields;
}

/** Fields whose keys are chosen by the user. */
const maps = [".set", ".add", ".respond.headers"];

/** The fields set in a configuration. */
function saidBy(value: unknown, path: string = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => saidBy(each, path));
  if (typeof value !== "object" || value === null || maps.some((map) => path.endsWith(map))) return [];
  const fields: string[] = [];
  for (const [name, each] of Object.entries(value)) {
    const at = `${path}.${name}`;
    fields.push(at);
    if (at === ".clusters" || at === ".stores")
      fields.push(...Object.values(each as object).flatMap((one) => saidBy(one, at)));
    else fields.push(...saidBy(each, at));
  }
  return fields;
}

/** The last two names of a path. Fields that occur in several places are set in one of them. */
function placed(path: string): string {
  const [of = "", name] = path.split(".").slice(-2);
  return `${({ query: "headers", responseHeaders: "requestHeaders" } as Record<string, string>)[of] ?? of}.${name}`;
}

test("full.yaml sets every field", () => {
  const said = new Set(saidBy(parse(readFileSync(`${folder}full.yaml`, "utf8"))).map(placed));
  const all = new Set(fieldsOf(jsonSchema() as Schema).map(placed));
  expect([...all].filter((field) => !said.has(field))).toEqual([]);
  expect(all.size).toBeGreaterThan(100);
});
