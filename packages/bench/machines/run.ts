// npm run bench:machines: what reaches across machines, each with a real or scripted other side.
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { writeInto } from "../table-in-readme.ts";
import { manyEndpoints } from "./many-endpoints.ts";
import type { Figure, Part } from "./part.ts";
import { redis } from "./redis.ts";
import { tableOf } from "./report.ts";
import { xds } from "./xds.ts";

const parts: readonly Part[] = [xds, manyEndpoints, redis];

const { values } = parseArgs({ options: { only: { type: "string" }, write: { type: "boolean" } } });
const chosen = parts.filter(({ name }) => values.only === undefined || values.only === name);
if (chosen.length === 0)
  throw new Error(`--only must be one of ${parts.map(({ name }) => name).join(", ")} (got ${values.only})`);
const figures: Figure[] = [];
for (const part of chosen) figures.push(...(await part.measure()));
const all = cpus();
const text = `Node ${process.versions.node}, ${all[0]?.model}, ${all.length} cores\n\n${tableOf(figures)}`;
console.log(text);
// A part of the table would replace the whole one.
if (values.write === true && values.only === undefined) writeInto("machines", `\n${text}\n`);
