import { parseArgs } from "node:util";
import { rangeError } from "@pagoda/core";
import { furtherPeers, peers } from "./peers/index.ts";
import type { Peer } from "./peers/peer.ts";
import { type Workload, workloads } from "./workloads.ts";

/** What to do with each workload, or instead of one. */
export const measures = ["cpu", "latency", "footprint"] as const;
export type Measure = (typeof measures)[number];

/** What the command line asks for. */
export interface Options {
  readonly rounds: number;
  readonly ms: number;
  readonly workloads: readonly Workload[];
  readonly peers: readonly Peer[];
  readonly connections: readonly number[];
  readonly measures: readonly Measure[];
  /** Measures what each part of the mesh costs, instead of other proxies. */
  readonly parts: boolean;
  readonly write: boolean;
  readonly json: string | undefined;
  readonly profile: Peer | undefined;
}

const allPeers = [...peers, ...furtherPeers];
const partPeers = [
  ...peers.filter(({ name }) => ["nginx", "pagoda", "pagoda-mesh"].includes(name)),
  ...furtherPeers,
];

const usage = `Usage: npm run bench:proxy -- [options]
  --only NAME,…         workloads, of: ${names(workloads)} (default small-get)
  --all                 all workloads
  --peers NAME,…        of: ${names(peers)} (default all);
                        also: ${names(furtherPeers)}
  --parts               what each part of the mesh costs: the mesh, and without each one
  --connections N,…     clients at a time (default 64)
  --measure NAME,…      of: ${measures.join(", ")} (default all); latency needs cpu
  --rounds N            rounds of each proxy (default 9)
  --ms N                milliseconds of a round (default 500)
  --write               writes tables and charts into packages/bench/results
  --json FILE           writes every round's numbers
  --profile NAME        instead of measuring, shows where a Node program spends its time`;

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
        rounds: { type: "string", default: "9" },
        ms: { type: "string", default: "500" },
        only: { type: "string", default: "small-get" },
        all: { type: "boolean", default: false },
        peers: { type: "string" },
        parts: { type: "boolean", default: false },
        connections: { type: "string", default: "64" },
        measure: { type: "string", default: measures.join(",") },
        write: { type: "boolean", default: false },
        json: { type: "string" },
        profile: { type: "string" },
      },
    });
    const chosen = list(values.measure).map((name) => oneOf("--measure", measures, name));
    if (chosen.includes("latency") && !chosen.includes("cpu")) {
      throw new RangeError("--measure latency needs cpu, which finds the capacity");
    }
    return {
      rounds: count("--rounds", values.rounds, 1_000),
      ms: count("--ms", values.ms, 600_000),
      workloads: values.all ? workloads : list(values.only).map((name) => named("--only", workloads, name)),
      peers: values.parts
        ? partPeers
        : values.peers === undefined
          ? peers
          : list(values.peers).map((name) => named("--peers", allPeers, name)),
      parts: values.parts,
      connections: list(values.connections).map((text) => count("--connections", text, 10_000)),
      measures: values.parts ? ["cpu"] : chosen,
      write: values.write,
      json: values.json,
      profile: values.profile === undefined ? undefined : named("--profile", allPeers, values.profile),
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}

/** A number that an option gives. */
export function count(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw rangeError(flag, `an integer from 1 to ${most}`, text);
}

/** What an option names. */
export function named<T extends { readonly name: string }>(flag: string, all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw rangeError(flag, `of ${names(all)}`, name);
  return found;
}

function oneOf<T extends string>(flag: string, all: readonly T[], name: string): T {
  const found = all.find((one) => one === name);
  if (found === undefined) throw rangeError(flag, `of ${all.join(", ")}`, name);
  return found;
}

function list(text: string): string[] {
  return text.split(",");
}

function names(all: readonly { readonly name: string }[]): string {
  return all.map(({ name }) => name).join(", ");
}
