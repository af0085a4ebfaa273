// Generates the documentation of the proxy's files from their schemas: reference pages and JSON Schemas.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { jsonSchema } from "../packages/proxy/src/config/json-schema.ts";
import { reference } from "../packages/proxy/src/config/reference.ts";
import {
  scenarioJsonSchema,
  scenarioReference,
} from "../packages/proxy/src/simulation/scenario/reference.ts";
import { command } from "./command.ts";
import { root } from "./workspace.ts";

const proxy = join(root, "packages/proxy");
const files = {
  "CONFIGURATION.md": reference(),
  "pagoda.schema.json": jsonText(jsonSchema()),
  "SCENARIO.md": scenarioReference(),
  "scenario.schema.json": jsonText(scenarioJsonSchema()),
};
for (const [name, text] of Object.entries(files)) writeFileSync(join(proxy, name), text);
const { code, output } = await command(
  "oxfmt",
  Object.keys(files).map((name) => join(proxy, name)),
);
if (code !== 0) console.error(output);
process.exitCode = code === 0 ? 0 : 1;

function jsonText(schema: object): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
