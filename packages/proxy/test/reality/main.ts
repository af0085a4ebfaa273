// Compares simulations with reality: `npm run simulate:reality` drives the scenarios with real processes and writes the
// table in docs/guides/simulate.md. Exit code 1 if a simulation is off, or the machine is too busy to tell.
import { readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { msText, percentText } from "../../src/simulation/report/format.ts";
import { type Measured, real, simulated } from "./measure.ts";
import { scenarios } from "./scenarios.ts";

const guide = new URL("../../../../docs/guides/simulate.md", import.meta.url);
const seeds = [1, 2, 3, 4, 5];
/** Real runs of each scenario. */
const runs = 3;
/** With timers later than this, the machine is too busy to compare anything. */
const maxLateMs = 10;
/** How far a simulation may be off. */
const maxPoints = 1;
const maxShare = 0.25;

const rows: string[] = [];
let isOff = false;
let isBusy = false;
for (const subject of scenarios) {
  const model = await simulated(subject, seeds);
  // The run that other work on the machine held up least, whatever its result.
  let measured = await real(subject, 1);
  for (let run = 1; run < runs; run++) {
    const again = await real(subject, 1);
    if (again.lateMs < measured.lateMs) measured = again;
  }
  isOff = off(model, measured) || isOff;
  isBusy = measured.lateMs > maxLateMs || isBusy;
  const row = [
    subject.name,
    ...[measured.success, model.success].map(percentText),
    ...[measured.p50, model.p50, measured.p99, model.p99, measured.lateMs].map(msText),
  ];
  console.log(row.join("  "));
  rows.push(`| ${row.join(" | ")} |`);
}
if (isBusy) console.error(`not written: the machine is too busy, with timers over ${maxLateMs} ms late`);
else write();
process.exitCode = isOff || isBusy ? 1 : 0;

function write(): void {
  const table = [
    "| scenario | success: real | simulated | p50: real | simulated | p99: real | simulated | timers late, p99 |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
  const before = readFileSync(guide, "utf8");
  writeFileSync(
    guide,
    before.replace(/(<!-- reality -->\n)[^]*(\n<!-- \/reality -->)/, (_all, begin: string, end: string) => {
      return `${begin}\n${table}\n${end}`;
    }),
  );
  spawnSync("oxfmt", [fileURLToPath(guide)]);
}

function off(model: Measured, measured: Measured): boolean {
  const points = Math.abs(model.success - measured.success) * 100;
  return points > maxPoints || Math.abs(model.p99 / measured.p99 - 1) > maxShare;
}
