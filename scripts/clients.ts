// Observes what the HTTP clients do where they differ, and writes the tables in their READMEs.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { differenceTable, observeClient, withDifferenceTable } from "../packages/http/src/testing/index.ts";
import { contractClient as transport } from "../packages/layers/transport/test/contract-client.ts";
import { contractClient as undici } from "../packages/layers/undici/test/contract-client.ts";
import { command } from "./command.ts";
import { root } from "./workspace.ts";

const table = differenceTable({
  "@pagoda/transport": await observeClient(transport),
  "@pagoda/undici": await observeClient(undici),
});
const readmes = ["transport", "undici"].map((name) => join(root, "packages/layers", name, "README.md"));
for (const readme of readmes) writeFileSync(readme, withDifferenceTable(readFileSync(readme, "utf8"), table));
const { code, output } = await command("oxfmt", readmes);
if (code !== 0) console.error(output);
process.exitCode = code === 0 ? 0 : 1;
