import { parseArgs } from "node:util";
import { rangeError } from "@pagoda/core";
import { type Peer, peers } from "./peers.ts";

/** What the command line asks for. */
export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly chosen: readonly Peer[];
  readonly write: boolean;
  readonly json: string | undefined;
  readonly profile: Peer | undefined;
}

const usage = `Usage: npm run bench:proxy -- [options]
  --rounds N        rounds of each proxy (default 3)
  --seconds N       seconds of a round (default 5)
  --only NAME,…     of: ${peers.map(({ name }) => name).join(", ")}
  --write           puts the table into packages/bench/README.md
  --json FILE       writes every round's numbers
  --profile NAME    instead of measuring, shows where a Node program spends its time`;

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
        rounds: { type: "string", default: "3" },
        seconds: { type: "string", default: "5" },
        only: { type: "string" },
        write: { type: "boolean", default: false },
        json: { type: "string" },
        profile: { type: "string" },
      },
    });
    return {
      rounds: count("--rounds", values.rounds, 1_000),
      seconds: count("--seconds", values.seconds, 600),
      chosen: values.only === undefined ? peers : values.only.split(",").map(named),
      write: values.write,
      json: values.json,
      profile: values.profile === undefined ? undefined : named(values.profile),
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}

function count(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw rangeError(flag, `an integer from 1 to ${most}`, text);
}

function named(name: string): Peer {
  const peer = peers.find((one) => one.name === name);
  if (peer === undefined) throw new RangeError(`there is no proxy named ${name}`);
  return peer;
}
