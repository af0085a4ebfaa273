// Cost per call of checks, layers and stacks, compared with other libraries. See packages/bench/README.md.
import { writeFileSync } from "node:fs";
import { machine } from "../proxy/machine.ts";
import { writeInto } from "../table-in-readme.ts";
import { balancing } from "./balance.ts";
import { breakers } from "./circuit-breaker.ts";
import { clients } from "./client.ts";
import { codings } from "./codings.ts";
import { core } from "./core.ts";
import { healthSources } from "./health.ts";
import { layers } from "./layers.ts";
import { regexes } from "./linear-regex.ts";
import { measure } from "./measure.ts";
import { type Options, readOptions } from "./options.ts";
import { rateLimits } from "./rate-limit.ts";
import { table } from "./report.ts";
import { trails } from "./trail.ts";
import { routing } from "./router.ts";
import { stacks } from "./stack.ts";

/** Exit code for invalid arguments. */
const usageError = 2;

const options = read();
if (options === undefined) process.exitCode = usageError;
else await compare(options);

async function compare({ chosen, rounds, ms, json, write }: Options): Promise<void> {
  const outcomes = await measure(
    chosen.flatMap(({ subjects }) => subjects),
    rounds,
    ms,
  );
  const text = `${machine()}; medians of ${rounds} rounds of ${ms} ms\n\n${table(outcomes)}`;
  console.log(text);
  if (json !== undefined) {
    const numbers = outcomes.map(({ subject: { what }, ns, failure }) => ({ what, ns, failure }));
    writeFileSync(
      json,
      `${JSON.stringify({ machine: machine(), rounds, ms, outcomes: numbers }, null, 2)}\n`,
    );
  }
  if (write) writeInto("micro", text);
  if (outcomes.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

function read(): Options | undefined {
  try {
    return readOptions(process.argv.slice(2), [
      core,
      breakers,
      rateLimits,
      balancing,
      healthSources,
      routing,
      trails,
      regexes,
      layers,
      stacks,
      codings,
      clients,
    ]);
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
    return undefined;
  }
}
