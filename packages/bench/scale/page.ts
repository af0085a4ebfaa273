// The tables of docs/scale.md. All but the first follow from it and from what is computed exactly.
import { responseBytes } from "@pagoda/xds/testing";
import { type Leasing, leasing } from "./leases.ts";
import { assignmentOf } from "./measure.ts";

export const page = new URL("../../../docs/scale.md", import.meta.url);

const proxies = 1_000;
const changesPerSecond = 10;

/** What is measured, with its unit and where it comes from. */
const rows = {
  scriptUs: ["Redis: CPU time of a script call, with 50 connections", "µs"],
  readSmallUs: ["reading an update of a cluster with 10 endpoints", "µs"],
  readLargeUs: ["reading an update of a cluster with 1,000 endpoints", "µs"],
  leastRequestNs: ["choosing one of 10,000 endpoints by least-request", "ns"],
  peakEwmaNs: ["choosing one of 10,000 endpoints by peak-ewma", "ns"],
  balancerMs: ["making a balancer of 10,000 endpoints", "ms"],
  balancerBytes: ["memory of the balancer for each endpoint", "bytes"],
} as const;

export type Measured = { readonly [K in keyof typeof rows]: number };

const keys = Object.keys(rows) as readonly (keyof typeof rows)[];

export function measuredTable(measured: Measured): string {
  return table(
    ["what", "measured"],
    keys.map((key) => [rows[key][0], `${significant(measured[key])} ${rows[key][1]}`]),
  );
}

/** Reads the table of the page. */
export function measuredIn(text: string): Measured {
  const valueOf = (key: keyof typeof rows): number => {
    const [what, unit] = rows[key];
    const line = text.split("\n").find((each) => each.includes(what)) ?? "";
    const value = new RegExp(`\\| *([\\d.,]+) ${unit} *\\|$`).exec(line)?.[1];
    if (value === undefined) throw new Error(`docs/scale.md does not say "${what}"`);
    return Number(value.replaceAll(",", ""));
  };
  return Object.fromEntries(keys.map((key) => [key, valueOf(key)])) as Measured;
}

/** Milliseconds of virtual time by calls a second of each proxy. */
const rates: readonly (readonly [perSecond: number, forMs: number])[] = [
  [10, 500],
  [100, 200],
  [1_000, 50],
];

export async function redisTable({ scriptUs }: Measured): Promise<string> {
  const lines: (readonly string[])[] = [];
  for (const [perSecond, forMs] of rates) {
    for (const leaseMs of [0, 5, 20, 100]) {
      const simulated: Leasing = { proxies, perSecond, leaseMs, forMs };
      const { commandsPerSecond, atOnce } = await leasing(simulated);
      lines.push([
        `${count(perSecond)}/s`,
        `${leaseMs} ms`,
        count(Math.round(commandsPerSecond)),
        `${Math.floor(100 * atOnce)}%`,
        significant((commandsPerSecond * scriptUs) / 1e6),
      ]);
    }
  }
  const head = [
    "calls of each proxy",
    "lease",
    "script calls a second",
    "decided in the same tick",
    "cores of Redis",
  ];
  return table(head, lines);
}

export function controlPlaneTable({ readSmallUs, readLargeUs }: Measured): string {
  const one = (endpoints: number): number =>
    responseBytes("delta", "2026-12-01T00:00:00Z/1", [assignmentOf("shop", endpoints)]).length;
  const world = responseBytes(
    "sotw",
    "2026-12-01T00:00:00Z/1",
    Array.from({ length: 1_000 }, (_, at) => assignmentOf(`shop-${at}`, 10)),
  ).length;
  const line = (what: string, bytes: number, readUs: number): readonly string[] => [
    what,
    count(bytes),
    `${significant((bytes * proxies * changesPerSecond) / 1e6)} MB/s`,
    `${significant((readUs * changesPerSecond) / 1e4)}%`,
  ];
  return table(
    ["a change", "bytes to each proxy", "sent to all", "of a core of each proxy"],
    [
      line("delta, in a cluster of 10 endpoints", one(10), readSmallUs),
      line("delta, in a cluster of 1,000 endpoints", one(1_000), readLargeUs),
      line("state of the world, 1,000 clusters of 10 endpoints", world, 1_000 * readSmallUs),
    ],
  );
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map((_, at) => (at === 0 ? "---" : "--:"))), ...lines.map(row)].join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function significant(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 2 });
}
