import { parseArgs } from "node:util";
import { rangeError } from "@pagoda/core";
import type { Group } from "./subject.ts";

/** What the command line asks for. */
export interface Options {
  readonly rounds: number;
  readonly ms: number;
  readonly chosen: readonly Group[];
  readonly write: boolean;
  readonly json: string | undefined;
}

function usage(groups: readonly Group[]): string {
  return `Usage: npm run bench:micro -- [options]
  --rounds N        rounds of each subject (default 5)
  --ms N            milliseconds of a round (default 300)
  --only NAME,…     of: ${groups.map(({ name }) => name).join(", ")}
  --write           puts the table into packages/bench/README.md
  --json FILE       writes every round's numbers`;
}

/**
 * Reads the command line.
 *
 * @throws With a message for the user and the usage.
 */
export function readOptions(args: readonly string[], groups: readonly Group[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string", default: "5" },
        ms: { type: "string", default: "300" },
        only: { type: "string" },
        write: { type: "boolean", default: false },
        json: { type: "string" },
      },
    });
    if (values.write && values.only !== undefined)
      throw new RangeError("--write puts the whole table: it goes without --only");
    return {
      rounds: count("--rounds", values.rounds, 1_000),
      ms: count("--ms", values.ms, 60_000),
      chosen: values.only === undefined ? groups : values.only.split(",").map((name) => named(name, groups)),
      write: values.write,
      json: values.json,
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage(groups)}`, { cause: error });
  }
}

function count(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw rangeError(flag, `an integer from 1 to ${most}`, text);
}

function named(name: string, groups: readonly Group[]): Group {
  const group = groups.find((one) => one.name === name);
  if (group === undefined) throw new RangeError(`there is no subject named ${name}`);
  return group;
}
