// The proxy against others: CPU time per request of each one's whole process tree. See packages/bench/README.md.
import { writeFileSync } from "node:fs";
import { constants } from "node:os";
import { writeInto } from "../table-in-readme.ts";
import { chooseCores, type Cores, lacking, leaveProxyCore, machine } from "./machine.ts";
import { measure } from "./measure.ts";
import { type Options, readOptions } from "./options.ts";
import { profile } from "./profile.ts";
import { table } from "./report.ts";
import { Session } from "./session.ts";

/** Exit code of a program that was called wrongly or lacks something. */
const usageError = 2;

const options = read();
if (options === undefined) process.exitCode = usageError;
else await run(options);

async function run(chosen: Options): Promise<void> {
  const cores = chooseCores();
  leaveProxyCore(cores);
  const session = new Session(cores);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(
      signal,
      () => void session.close().then(() => process.exit(128 + constants.signals[signal])),
    );
  }
  try {
    await session.startOrigin();
    if (chosen.profile === undefined) await compare(session, chosen, cores);
    else {
      const { folder, text } = await profile(session, chosen.profile, chosen.seconds, cores);
      console.log(`${text}\n\n${folder}`);
    }
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
    process.exitCode = 1;
  } finally {
    await session.close();
  }
}

async function compare(
  session: Session,
  { chosen, rounds, seconds, json, write }: Options,
  cores: Cores,
): Promise<void> {
  const outcomes = await measure(session, chosen, rounds, seconds, cores);
  const text = `${machine()}; medians of ${rounds} rounds of ${seconds} s\n\n${table(outcomes)}`;
  console.log(text);
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ machine: machine(), rounds, seconds, outcomes }, null, 2)}\n`);
  }
  if (write) writeInto("proxy", text);
  if (outcomes.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

function read(): Options | undefined {
  try {
    const read = readOptions(process.argv.slice(2));
    const lack = lacking();
    if (lack === undefined) return read;
    console.error(`bench: ${lack}`);
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
  }
  return undefined;
}
