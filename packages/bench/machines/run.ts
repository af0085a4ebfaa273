// npm run bench:machines [-- --only xds]: what reaches across machines, each with a real or scripted other side.
import { parseArgs } from "node:util";
import { xds } from "./xds.ts";

const all = { xds } as const;

const { values } = parseArgs({ options: { only: { type: "string" } } });
for (const [name, measure] of Object.entries(all)) {
  if (values.only !== undefined && values.only !== name) continue;
  console.log(`### ${name}\n\n|     |     |\n| --- | --: |`);
  for (const [what, result] of await measure()) console.log(`| ${what} | ${result} |`);
}
