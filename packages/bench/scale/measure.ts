// What scale.md computes from, measured on this machine.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { balance, type Candidate, leastRequest, peakEwma, type Strategy } from "@pagoda/balance";
import { right, service, staticEndpoints } from "@pagoda/core";
import { redisLimits, type RedisLimits } from "@pagoda/redis";
import { assignment, readAssignments, responseBytes } from "@pagoda/xds/testing";
import { startRedis } from "../machines/redis-server.ts";
import { cpuTime } from "../proxy/cpu.ts";
import type { Measured } from "./page.ts";

const connections = 50;
const scriptMs = 3_000;
const endpointCount = 10_000;

export async function measureAll(): Promise<Measured> {
  return {
    scriptUs: await scriptUs(),
    readSmallUs: readUs(10),
    readLargeUs: readUs(1_000),
    leastRequestNs: pickNs(leastRequest()),
    peakEwmaNs: pickNs(peakEwma()),
    ...balancer(),
  };
}

/** Redis's CPU time for one script call, with as many connections as proxies would have at least. */
async function scriptUs(): Promise<number> {
  const server = await startRedis();
  const rates = { global: { perSecond: 1e9, burst: 1e9 }, keyed: undefined };
  const clients = await Promise.all(Array.from({ length: connections }, () => connected(server.url)));
  const callFor = async (ms: number): Promise<number> => {
    const end = performance.now() + ms;
    let calls = 0;
    const loop = async (limits: RedisLimits): Promise<void> => {
      const limit = limits.limit("scale");
      for (; performance.now() < end; calls++) await limit.take({ global: 1, keys: [] }, rates);
    };
    await Promise.all(clients.map(loop));
    return calls;
  };
  await callFor(scriptMs / 3);
  const before = cpuTime(server.pid).totalNs;
  const calls = await callFor(scriptMs);
  const us = (cpuTime(server.pid).totalNs - before) / calls / 1_000;
  for (const limits of clients) limits.close();
  await server.end();
  return us;
}

function connected(url: string): Promise<RedisLimits> {
  return new Promise((resolve) => {
    const limits: RedisLimits = redisLimits({
      url,
      timeoutMs: 10_000,
      observer: { connected: () => resolve(limits) },
    });
  });
}

/** Reading one update of a cluster's endpoints. */
function readUs(endpoints: number): number {
  const bytes = responseBytes("delta", "1", [assignmentOf("shop", endpoints)]);
  return medianNs(200, () => readAssignments("delta", bytes)) / 1_000;
}

/** A cluster of a mesh, with names as istiod gives them. */
export function assignmentOf(name: string, endpoints: number): ReturnType<typeof assignment> {
  const addresses = Array.from(
    { length: endpoints },
    (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}:8080`,
  );
  return assignment(`outbound|8080||${name}.default.svc.cluster.local`, ...addresses);
}

const all = Array.from({ length: endpointCount }, (_, n) => ({
  key: `http://10.0.${n >> 8}.${n & 255}:8080`,
}));

function pickNs(strategy: Strategy<unknown>): number {
  const candidates: readonly Candidate[] = all.map((endpoint, n) => ({
    key: endpoint.key,
    weight: 1,
    pending: n % 7,
    share: 1,
    load: strategy.load?.(endpoint, 0),
    isReady: () => true,
  }));
  strategy.update(candidates);
  let at = 0;
  return medianNs(100_000, () => strategy.pick({}, ++at * 0.01));
}

/** The balance layer with all endpoints: how long it takes to make, and its memory. */
function balancer(): { readonly balancerMs: number; readonly balancerBytes: number } {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const answer = Promise.resolve(right("hello"));
  const make = () =>
    balance({
      discovery: staticEndpoints(all),
      connect: ({ key }) => service(key, () => answer),
      strategy: peakEwma(),
    });
  const ms = medianNs(5, make) / 1e6;
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = make();
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / endpointCount;
  // It must be alive until here.
  kept.describe();
  return { balancerMs: ms, balancerBytes: bytes };
}

/** CPU time of a run, the median of some rounds: other programs count less than in elapsed time. */
function medianNs(runs: number, run: () => unknown): number {
  const rounds = Array.from({ length: 9 }, () => {
    const before = process.cpuUsage();
    for (let n = 0; n < runs; n++) run();
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1_000) / runs;
  });
  return rounds.toSorted((a, b) => a - b)[4] as number;
}
