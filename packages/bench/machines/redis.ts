import { Generator } from "../proxy/load/generator.ts";
import { type Figure, type Part, percentile } from "./part.ts";
import { body, type RunningProxy, startProxy } from "./program.ts";
import { startRedis } from "./redis-server.ts";

const rate = 2_000;
const burst = 500;
const timeoutMs = 50;
const machines = 2;
/** Requests at a time to each proxy. */
const concurrency = 64;
const runMs = 5_000;
/** Connections, scripts and compiled code; leases get to know the rate. */
const warmUpMs = 1_000;

/** One limit of two proxies in one Redis: below the limit, and above it. */
export const redis: Part = {
  name: "redis",
  async measure() {
    const figures: Figure[] = [];
    for (const leaseMs of [0, 5, 20, 100]) figures.push(...(await below(leaseMs)));
    for (const leaseMs of [0, 20]) figures.push(...(await above(leaseMs)));
    return figures;
  },
};

async function below(leaseMs: number): Promise<readonly Figure[]> {
  const each = 800;
  await using proxies = await limited(leaseMs);
  const seen = await proxies.load(each, warmUpMs, runMs);
  const what = `Redis: ${each}/s each on ${machines} machines, lease ${leaseMs} ms`;
  // Shorter leases cover too few of these calls.
  const covers = leaseMs >= 20;
  return [
    { what: `${what}: admitted`, value: percent(1 - seen.refused / seen.requests), unit: "%", atLeast: 100 },
    {
      what: `${what}: decided in the same tick`,
      value: percent(1 - seen.waited / seen.decisions),
      unit: "%",
      ...(covers && { atLeast: 90 }),
    },
    {
      what: `${what}: all waits for a decision within`,
      value: seen.longestWaitMs,
      unit: "ms",
      atMost: timeoutMs,
    },
    { what: `${what}: mean of these waits`, value: seen.meanWaitMs, unit: "ms" },
    {
      what: `${what}: round trips a second, each`,
      value: seen.roundTrips / machines / (seen.ms / 1_000),
      unit: "",
    },
    { what: `${what}: calls, p50`, value: percentile(seen.latencies, 0.5), unit: "ms" },
    { what: `${what}: calls, p99`, value: percentile(seen.latencies, 0.99), unit: "ms" },
  ];
}

async function above(leaseMs: number): Promise<readonly Figure[]> {
  const each = 3_000;
  // A share of a machine that does not reach the store in time would come on top of the bound.
  await using proxies = await limited(leaseMs, { unreachable: "deny" });
  const { requests, refused, ms } = await proxies.load(each, 0, runMs);
  const bound = burst + (rate * ms) / 1_000;
  const used = percent((requests - refused) / bound);
  const what = `Redis: ${each.toLocaleString("en-US")}/s each on ${machines} machines, lease ${leaseMs} ms`;
  return [
    { what: `${what}: admitted, of the bound`, value: used, unit: "%", atMost: 100 },
    { what: `${what}: used, of the bound`, value: used, unit: "%", atLeast: 97 },
  ];
}

/** What all proxies did together. */
interface Seen {
  readonly requests: number;
  readonly refused: number;
  readonly ms: number;
  readonly latencies: readonly number[];
  readonly decisions: number;
  readonly waited: number;
  readonly meanWaitMs: number;
  readonly longestWaitMs: number;
  readonly roundTrips: number;
}

/** Proxies that answer by themselves, up to a common limit in a Redis of their own. */
async function limited(leaseMs: number, settings: object = {}) {
  const server = await startRedis();
  const limit = { store: "limits", lease: `${leaseMs}ms`, global: { rate: `${rate}/s`, burst }, ...settings };
  const more = {
    workers: 1,
    stores: { limits: { redis: [server.url], timeout: `${timeoutMs}ms` } },
    listeners: [
      {
        name: "main",
        address: "127.0.0.1:0",
        policies: { rateLimit: limit },
        routes: [{ name: "all", respond: { status: 200, body: "yes" } }],
      },
    ],
    log: { access: false },
  };
  const proxies: RunningProxy[] = [];
  for (let n = 0; n < machines; n++) proxies.push(await startProxy({}, more));
  const generators = await Promise.all(proxies.map(({ url }) => generatorOf(url)));
  return {
    async load(perSecond: number, warmMs: number, ms: number): Promise<Seen> {
      if (warmMs > 0) await Promise.all(generators.map((each) => each.open(perSecond, warmMs)));
      const before = await samplesOf(proxies);
      const runs = await Promise.all(generators.map((each) => each.open(perSecond, ms)));
      const after = await samplesOf(proxies);
      const sum = (of: (run: (typeof runs)[number]) => number): number =>
        runs.reduce((all, run) => all + of(run), 0);
      return {
        requests: sum(({ requests }) => requests),
        refused: sum(({ refused }) => refused),
        ms: Math.max(...runs.map((run) => run.ms)),
        latencies: runs.flatMap(({ latencies }) => Array.from(latencies)),
        ...changeOf(before, after),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const generator of generators) generator.close();
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
      await server.end();
    },
  };
}

function generatorOf(url: string): Promise<Generator> {
  const request = { method: "GET", path: "/", headers: {}, body: Buffer.alloc(0) } as const;
  const { hostname, port } = new URL(url);
  const target = { host: hostname, port: Number(port), tls: false, protocol: "http1", request } as const;
  return Generator.open({ ...target, responseBytes: 3, refusal: 429 }, concurrency, 1);
}

type Samples = ReadonlyMap<string, number>;

/** The samples of limit stores, added up. */
async function samplesOf(proxies: readonly RunningProxy[]): Promise<Samples> {
  const sums = new Map<string, number>();
  for (const { adminUrl } of proxies) {
    for (const [, name = "", value] of (await body(`${adminUrl}/metrics`)).matchAll(
      /^(pagoda_store_\S+) (\S+)$/gm,
    ))
      sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

function changeOf(before: Samples, after: Samples) {
  const change = (name: string, label: string = ""): number => {
    const full = `pagoda_store_${name}{store="limits"${label}}`;
    return (after.get(full) ?? 0) - (before.get(full) ?? 0);
  };
  const waited = change("wait_seconds_count");
  const limits = Array.from(
    after.keys(),
    (name) => /wait_seconds_bucket\{le="([\d.]+)"/.exec(name)?.[1] ?? "",
  );
  const covers = (limit: string): boolean => {
    const name = `pagoda_store_wait_seconds_bucket{le="${limit}",store="limits"}`;
    return (after.get(name) ?? 0) - (before.get(name) ?? 0) === waited;
  };
  const longest = limits.filter((limit) => limit !== "" && covers(limit)).map(Number);
  return {
    decisions: change("decisions_total"),
    waited,
    meanWaitMs: (1_000 * change("wait_seconds_sum")) / Math.max(1, waited),
    /** The limit of its bucket. */
    longestWaitMs: 1_000 * Math.min(...longest),
    roundTrips: change("commands_total", ',result="success"'),
  };
}

function percent(share: number): number {
  return 100 * share;
}
