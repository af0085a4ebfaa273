import { parseArgs } from "node:util";
import { oneOf, rangeError } from "@pagoda/core";
import { stackNames, type StackName } from "./stacks/index.ts";

/** Command-line options. */
export interface Options {
  readonly seed: number;
  readonly calls: number;
  readonly stack: StackName | undefined;
  /** Continues with the following seeds for this long. */
  readonly forSeconds: number | undefined;
}

const usage = `Usage: npm run simulate -- [options]
  --seed N          seed of all random choices (default 1)
  --calls N         calls per run (default 20000)
  --stack NAME      one of ${stackNames.join(", ")} (default: chosen by the seed)
  --for SECONDS     continue with the following seeds until an invariant is violated or the time is up`;

/**
 * Reads the command line.
 *
 * @throws If an option is unknown or invalid, with the usage in the message.
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
