import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isLeft, pause, systemClock } from "@pagoda/core";
import { readConfig } from "../../src/config/read.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { percentile } from "../../src/simulation/percentile.ts";
import { type ReadScenario, readScenario } from "../../src/simulation/scenario/read.ts";
import type { Event, OriginSettings } from "../../src/simulation/scenario/schema.ts";
import { simulate } from "../../src/simulation/simulate.ts";
import { simulatable } from "../../src/simulation/world/configuration.ts";
import { RealClients } from "./clients.ts";
import { RealOrigin } from "./origins.ts";
import type { RealScenario } from "./scenarios.ts";

const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** What is compared. */
export interface Measured {
  readonly requests: number;
  readonly success: number;
  readonly p50: number;
  readonly p99: number;
}

function configuration(
  { route, cluster }: RealScenario,
  listen: string,
  endpoints: readonly string[],
): object {
  return {
    listeners: [{ address: listen, routes: [{ name: "api", cluster: "shop", policies: route }] }],
    clusters: { shop: { endpoints, ...cluster } },
    admin: { address: "127.0.0.1:0" },
    log: { access: false },
    workers: 1,
  };
}

function read(
  subject: RealScenario,
  endpoints: readonly string[],
): ReadScenario & { readonly config: object } {
  const config = configuration(subject, "127.0.0.1:0", endpoints);
  const parsed = readConfig(JSON.stringify(config));
  if (isLeft(parsed)) throw new Error(JSON.stringify(parsed.left));
  const scenario = readScenario(JSON.stringify(subject.scenario), parsed.right, builtInPolicies);
  if (isLeft(scenario)) throw new Error(JSON.stringify(scenario.left));
  return { ...scenario.right, config };
}

/** Simulates a scenario with several seeds; the median of each measurement. */
export async function simulated(subject: RealScenario, seeds: readonly number[]): Promise<Measured> {
  const endpoints = Array.from({ length: subject.endpoints }, (_, n) => `http://10.0.0.${n + 1}:80`);
  const scenario = read(subject, endpoints);
  const config = readConfig(JSON.stringify(scenario.config));
  if (isLeft(config)) throw new Error("unreachable");
  const resolved = { config: config.right, files: new Map<string, string>() };
  const runs: Measured[] = [];
  for (const seed of seeds) {
    const run = await simulate(
      simulatable(resolved, builtInPolicies, scenario.scenario),
      scenario,
      builtInPolicies,
      seed,
    );
    const { requests, success, latency } = run;
    runs.push({ requests, success, p50: latency?.p50 ?? NaN, p99: latency?.p99 ?? NaN });
  }
  const median = (of: (run: Measured) => number): number =>
    runs.map(of).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)] as number;
  return {
    requests: median((run) => run.requests),
    success: median((run) => run.success),
    p50: median((run) => run.p50),
    p99: median((run) => run.p99),
  };
}

/** A real run. */
export interface Real extends Measured {
  /** The 99th percentile of how late the clients' timers fired: what other work on the machine did. */
  readonly lateMs: number;
}

/** Drives a scenario with real processes: the proxy, and one for each origin. */
export async function real(subject: RealScenario, seed: number): Promise<Real> {
  const settings = read(subject, ["http://10.0.0.1:80"].concat(others(subject.endpoints))).scenario.origins[
    "shop"
  ] as OriginSettings;
  const origins = await Promise.all(
    Array.from({ length: subject.endpoints }, (_, n) => RealOrigin.start(settings, seed * 100 + n)),
  );
  const endpoints = origins.map(({ port }) => `http://127.0.0.1:${port}`);
  const { scenario } = read(subject, endpoints);
  const folder = mkdtempSync(join(tmpdir(), "pagoda-reality-"));
  const proxy = await started(join(folder, "pagoda.json"), configuration(subject, "127.0.0.1:0", endpoints));
  const clients = new RealClients(proxy.url);
  try {
    await clients.warmUp(100);
    const events = happening(scenario.events, origins);
    const { answers, lateMs } = await clients.send(scenario.load, seed);
    await events;
    const succeeded = answers.filter(({ status }) => status > 0 && status < 400);
    const latencies = Float64Array.from(succeeded, ({ durationMs }) => durationMs).toSorted();
    return {
      requests: answers.length,
      success: succeeded.length / answers.length,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      lateMs: percentile(Float64Array.from(lateMs).toSorted(), 0.99),
    };
  } finally {
    clients.close();
    proxy.stop();
    await Promise.all(origins.map((origin) => origin.stop()));
    rmSync(folder, { recursive: true });
  }
}

function others(count: number): string[] {
  return Array.from({ length: count - 1 }, (_, n) => `http://10.0.0.${n + 2}:80`);
}

async function started(file: string, config: object): Promise<{ readonly url: string; stop(): void }> {
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(process.execPath, [mainFile, "run", "-c", file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.startsWith("{") ? (JSON.parse(line) as { readonly url?: string }).url : undefined;
    if (url?.startsWith("http://127.0.0.1")) {
      child.stdout.resume();
      return { url, stop: () => void child.kill() };
    }
  }
  throw new Error("pagoda did not start");
}

/** Lets everything happen at its time. */
async function happening(events: readonly Event[], origins: readonly RealOrigin[]): Promise<void> {
  await Promise.all(
    events.flatMap(({ at, origin, for: lasts, does }) =>
      (Array.isArray(origin) ? origin : [origin]).flatMap(({ from = 0, to = Infinity }) =>
        origins.slice(from, to + 1).map(async (each) => {
          await pause(systemClock, at);
          await each.begin(does);
          if (lasts === undefined) return;
          await pause(systemClock, lasts);
          await each.end(does);
        }),
      ),
    ),
  );
}
