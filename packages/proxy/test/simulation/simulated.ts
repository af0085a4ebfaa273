import { isLeft } from "@pagoda/core";
import { problemText } from "../../src/config/document.ts";
import { readConfig } from "../../src/config/read.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { type ReadScenario, readScenario } from "../../src/simulation/scenario/read.ts";
import { simulate } from "../../src/simulation/simulate.ts";
import type { Simulation } from "../../src/simulation/result.ts";
import { simulatable } from "../../src/simulation/world/configuration.ts";

/** The parts of a configuration that matter to a test. */
export interface Parts {
  readonly cluster?: object;
  readonly route?: object;
  readonly listener?: object;
  readonly clusters?: Readonly<Record<string, object>>;
}

/** A configuration in file format: the route `api` to the cluster `shop`, which has three endpoints. */
export function configuration({ cluster, route, listener, clusters }: Parts = {}): object {
  return {
    listeners: [
      {
        name: "main",
        address: "127.0.0.1:3000",
        ...listener,
        routes: [{ name: "api", cluster: "shop", ...route }],
      },
    ],
    clusters: {
      shop: { endpoints: ["http://10.0.0.1:80", "http://10.0.0.2:80", "http://10.0.0.3:80"], ...cluster },
      ...clusters,
    },
    workers: 1,
  };
}

/** A scenario in file format: ten seconds at 200/s, with origins that take 10 ms. */
export function scenario(parts: object = {}): object {
  return {
    load: [{ route: "api", rate: "200/s", for: "10s" }],
    origins: { shop: { latency: { p50: "10ms", p99: "30ms" } } },
    ...parts,
  };
}

function configOf(config: object) {
  const read = readConfig(JSON.stringify(config));
  if (isLeft(read)) throw new Error(read.left.map((each) => problemText("config", each)).join("\n"));
  return read.right;
}

/** The problems of a scenario, a line each. */
export function problemsOf(text: string, config: object = configuration()): readonly string[] {
  const read = readScenario(text, configOf(config), builtInPolicies);
  return isLeft(read) ? read.left.map((each) => problemText("scenario.yaml", each)) : [];
}

/** Simulates a configuration and a scenario in file format. */
export async function simulated(
  config: object,
  of: object = scenario(),
  seed: number = 1,
): Promise<Simulation & { readonly notes: readonly string[]; readonly read: ReadScenario }> {
  const parsed = configOf(config);
  const read = readScenario(JSON.stringify(of), parsed, builtInPolicies);
  if (isLeft(read)) throw new Error(read.left.map((each) => problemText("scenario", each)).join("\n"));
  const { resolved, notes } = simulatable(
    { config: parsed, files: new Map() },
    builtInPolicies,
    read.right.scenario,
  );
  const simulation = await simulate({ resolved, notes }, read.right, builtInPolicies, seed);
  return { ...simulation, notes, read: read.right };
}
