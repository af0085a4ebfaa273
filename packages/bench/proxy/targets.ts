import { readFileSync } from "node:fs";
import { nodePeers } from "./peers/node.ts";
import { peers } from "./peers/index.ts";
import { markdown } from "./report.ts";
import { workloads } from "./workloads.ts";

/** The text of a file in `results`. */
export type ReadResults = (file: string) => string;

/** A figure to reach. */
interface Target {
  readonly what: string;
  readonly bound: readonly ["≤" | "≥", number, unit: string];
  /** `NaN` if it was not measured. */
  readonly measured: (results: Results) => number;
}

/** At most so many times the CPU time of another proxy. */
function atMost(
  times: number,
  [other, unit]: readonly [other: string, unit: string],
  peer: "pagoda" | "pagoda-mesh",
  workload = "small-get",
): Target {
  return {
    what: `\`${workload}\`: ${peer === "pagoda" ? "default stack" : "full mesh"}`,
    bound: ["≤", times, `× ${unit}`],
    measured: (results) => results.cpuRatio(workload, peer, other),
  };
}

const targets: readonly Target[] = [
  atMost(1.5, ["nginx", "nginx"], "pagoda"),
  atMost(1.7, ["nginx", "nginx"], "pagoda-mesh"),
  atMost(0.4, ["envoy", "Envoy"], "pagoda"),
  atMost(0.4, ["envoy-mesh", "Envoy with the same filters"], "pagoda-mesh"),
  atMost(0.3, ["traefik", "Traefik"], "pagoda"),
  {
    what: "`small-get`: default stack",
    bound: ["≤", 0.5, "× the best of the libraries for Node"],
    measured: (results) =>
      Math.max(...nodePeers.map(({ name }) => results.cpuRatio("small-get", "pagoda", name))),
  },
  {
    what: "`small-get`: what the mesh adds to the default stack",
    bound: ["≤", 3, "µs"],
    measured: (results) => results.cpuUs("small-get", "pagoda-mesh") - results.cpuUs("small-get", "pagoda"),
  },
  {
    what: "`small-get`: what the default stack adds to the server and the client",
    bound: ["≤", 4, "µs"],
    measured: (results) => results.cpuUs("small-get", "pagoda") - results.cpuUs("small-get", "no-layers"),
  },
  {
    what: "`small-get`: p99 at half of the capacity",
    bound: ["≤", 1.5, "× nginx"],
    measured: (results) => results.p99Ms("small-get", "pagoda") / results.p99Ms("small-get", "nginx"),
  },
  atMost(1.3, ["nginx", "nginx over HTTP/1.1"], "pagoda", "h2c-origin"),
  {
    what: "`get-1m`: bytes per CPU second",
    bound: ["≥", 0.8, "× nginx"],
    measured: (results) => results.cpuRatio("get-1m", "nginx", "pagoda"),
  },
  {
    what: "an idle connection",
    bound: ["≤", 10, "KiB"],
    measured: (results) => results.footprint("pagoda", "per idle connection, KiB"),
  },
  {
    what: "memory at start, one worker, proportional",
    bound: ["≤", 90, "MiB"],
    measured: (results) => results.footprint("pagoda", "proportional at start, MiB"),
  },
];

/** A Markdown table of the figures to reach, from the files in `results`. */
export function targetTable(read: ReadResults = readResults): string {
  const results = new Results(read);
  const rows = targets.map(({ what, bound: [sign, bound, unit], measured }) => {
    const value = measured(results);
    if (Number.isNaN(value)) return [what, `${sign} ${bound} ${unit}`, "", "not measured"];
    const digits = bound >= 10 ? 1 : 2;
    const isReached = sign === "≤" ? value <= bound : value >= bound;
    return [what, `${sign} ${bound} ${unit}`, value.toFixed(digits), isReached ? "yes" : "no"];
  });
  return markdown(["what", "target", "measured", "reached"], rows);
}

/** CPU times are the least of all rounds, 64 requests at a time. */
class Results {
  readonly #read: ReadResults;

  constructor(read: ReadResults) {
    this.#read = read;
  }

  cpuUs(workload: string, peer: string): number {
    return this.#cell(`${workload}.md`, "64 requests at a time", peer, "least CPU µs", workload);
  }

  cpuRatio(workload: string, peer: string, other: string): number {
    return this.cpuUs(workload, peer) / this.cpuUs(workload, other);
  }

  p99Ms(workload: string, peer: string): number {
    return this.#cell(`${workload}.md`, "64 requests at a time", peer, "p99", workload);
  }

  footprint(peer: string, column: string): number {
    return this.#cell("footprint.md", "Memory and start", peer, column);
  }

  /** A number of the first table under a heading that has the column. */
  #cell(file: string, heading: string, peer: string, column: string, workload?: string): number {
    const lines = this.#read(file).split("\n");
    const label = labelOf(peer, workload);
    let isUnder = false;
    let at = -1;
    for (const line of lines) {
      if (line.startsWith("#")) isUnder = line.includes(heading);
      if (!isUnder) continue;
      const cells = line.split("|").map((cell) => cell.trim());
      if (cells.includes(column)) at = cells.indexOf(column);
      else if (at >= 0 && cells[1] === label) return Number.parseFloat(cells[at] ?? "");
      else if (!line.startsWith("|")) at = -1;
    }
    return NaN;
  }
}

function labelOf(peer: string, workload: string | undefined): string | undefined {
  const back = workloads.find(({ name }) => name === workload)?.back;
  const found = peers.find(({ name }) => name === peer);
  return back === "http2" && peer === "nginx" ? `${found?.label}, HTTP/1.1 to the origin` : found?.label;
}

function readResults(file: string): string {
  try {
    return readFileSync(new URL(`../results/${file}`, import.meta.url), "utf8");
  } catch {
    return "";
  }
}
