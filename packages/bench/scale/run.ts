// npm run scale [-- --write]: the figures of docs/scale.md; needs redis-server.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { writeInto } from "../table-in-readme.ts";
import { measureAll } from "./measure.ts";
import { controlPlaneTable, measuredIn, measuredTable, page, redisTable } from "./page.ts";

const { values } = parseArgs({ options: { write: { type: "boolean" } } });
const all = cpus();
const machine = `Node ${process.versions.node}, ${all[0]?.model}, ${all.length} cores`;
const measured = `${machine}\n\n${measuredTable(await measureAll())}`;
// What follows is computed from what the page says, as its test does.
const rounded = measuredIn(measured);
const tables = { measured, redis: await redisTable(rounded), "control plane": controlPlaneTable(rounded) };
for (const [name, text] of Object.entries(tables)) {
  if (values.write === true) writeInto(name, text, page);
  else console.log(`## ${name}\n\n${text}\n`);
}
if (values.write === true) console.log(readFileSync(page, "utf8"));
