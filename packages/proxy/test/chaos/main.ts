// `npm run soak`: breaks things around the proxy for as long as you like, and reports what went
// wrong.
import { parseArgs } from "node:util";
import { run } from "./run.ts";

const usage = `Usage: npm run soak -- [options]
  --seconds N   how long things go wrong (default 60)
  --seed N      where all choices come from (default: the time)
  --log WHERE   pipe or file (default pipe)
  --quiet       without a line for each thing that goes wrong`;

interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly logTo: "pipe" | "file";
  readonly quiet: boolean;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      log: { type: "string", default: "pipe" },
      quiet: { type: "boolean", default: false },
    },
  });
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  if (!(seconds > 0)) throw new RangeError(`--seconds must be a positive number (got ${values.seconds})`);
  if (!Number.isSafeInteger(seed)) throw new RangeError(`--seed must be an integer (got ${values.seed})`);
  if (values.log !== "pipe" && values.log !== "file")
    throw new RangeError(`--log must be pipe or file (got ${values.log})`);
  return { seconds, seed, logTo: values.log, quiet: values.quiet };
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    return 2;
  }
  const { seconds, seed, logTo, quiet } = options;
  const began = performance.now();
  const tell = (line: string): void =>
    console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(8)} s  ${line}`);
  console.log(`seed ${seed}, ${seconds} s, log to a ${logTo}`);
  const report = await run({ seed, seconds, logTo, ...(!quiet && { tell }) });
  const { tally: calls, troubles, workerEnds } = report;
  console.log(JSON.stringify({ calls, troubles, workerEnds }, undefined, 2));
  for (const fault of report.faults.slice(0, 100)) console.error(fault);
  console.log(report.faults.length === 0 ? "every call is accounted for" : `${report.faults.length} faults`);
  return report.faults.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
