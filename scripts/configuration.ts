// Generates the documentation of the proxy's configuration from its schema: the reference page and the JSON Schema.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { jsonSchema } from "../packages/proxy/src/config/json-schema.ts";
import { reference } from "../packages/proxy/src/config/reference.ts";
import { command } from "./command.ts";
import { root } from "./workspace.ts";

const proxy = join(root, "packages/proxy");
writeFileSync(join(proxy, "CONFIGURATION.md"), reference());
writeFileSync(join(proxy, "pagoda.schema.json"), `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
const { code, output } = await command("oxfmt", [
  join(proxy, "CONFIGURATION.md"),
  join(proxy, "pagoda.schema.json"),
]);
if (code !== 0) console.error(output);
process.exitCode = code === 0 ? 0 : 1;
