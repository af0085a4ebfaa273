import { parseArgs } from "node:util";
import { oneOf, rangeError } from "@pagoda/core";
import { stackNames, type StackName } from "./stacks/index.ts";

/** What the command line asks for. */
export interface Options {
  readonly seed: number;
  readonly calls: number;
  readonly stack: StackName | undefined;
  /** Goes on with the seeds after the first, for so long. */
  readonly forSeconds: number | undefined;
}

const usage = `Usage: npm run simulate -- [options]
  --seed N          where all chance comes from (default 1)
  --calls N         calls of a run (default 20000)
  --stack NAME      one of ${stackNames.join(", ")} (default: follows from the seed)
  --for SECONDS     run the following seeds until an invariant is broken or the time is up`;

/**
 * Reads the command line.
 *
 * @throws With a text for people, when it is not understood.
 */
export function readOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string", default: "1" },
        calls: { type: "string", default: "20000" },
        stack: { type: "string" },
        for: { type: "string" },
      },
    });
    return {
      seed: whole("--seed", values.seed, 0, 4_294_967_295),
      calls: whole("--calls", values.calls, 1, 100_000_000),
      stack: values.stack === undefined ? undefined : stackNamed(values.stack),
      forSeconds: values.for === undefined ? undefined : whole("--for", values.for, 1, 31_536_000),
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}

function whole(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/u.test(text) && value >= least && value <= most) return value;
  throw rangeError(flag, `an integer from ${least} to ${most}`, text);
}

function stackNamed(name: string): StackName {
  const stack = stackNames.find((one) => one === name);
  if (stack === undefined) throw rangeError("--stack", oneOf(stackNames), name);
  return stack;
}
