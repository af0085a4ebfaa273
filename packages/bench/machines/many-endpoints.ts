import type { Agent } from "node:http";
import { type Assignments, startControlPlane } from "./control-plane.ts";
import { type Figure, type Part, percentile } from "./part.ts";
import { body, connections, origin, startProxy, until, workers } from "./program.ts";

const clusterCount = 1_000;
const perCluster = 10;
const endpointCount = clusterCount * perCluster;
const singleChanges = 20;

/** What 10,000 endpoints cost: from a file, and from a control plane. */
export const manyEndpoints: Part = {
  name: "many-endpoints",
  measure: async () => [...(await fromFile()), ...(await manyClusters()), ...(await oneOfMany())],
};

async function fromFile(): Promise<readonly Figure[]> {
  using one = await origin("one");
  const all = addresses(one.port).map((address) => `http://${address}`);
  const few = await startedWith(all.slice(0, 1));
  const many = await startedWith(all);
  const kib = (many.workerKib - few.workerKib) / endpointCount;
  const what = `${count(endpointCount)} endpoints in the file`;
  return [
    {
      what: `${what}: longer start of a worker than with one`,
      value: (many.workersMs - few.workersMs) / workers,
      unit: "ms",
      atMost: 1_000,
    },
    { what: `${what}: memory of a worker for each`, value: kib, unit: "KiB" },
    {
      what: `${what}: slowest call while /metrics, /clusters and /stack are read`,
      value: many.slowestMs,
      unit: "ms",
    },
  ];
}

/** Starts it with these endpoints, and makes calls while the pages for operators are read. */
async function startedWith(endpoints: readonly string[]) {
  await using pagoda = await startProxy({ shop: { endpoints } });
  const workerKib = pagoda.workerKib();
  using agents = connections(8);
  const slowestMs = await slowestCall([`${pagoda.url}/shop`], agents, async () => {
    for (const page of ["metrics", "clusters", "stack"]) await body(`${pagoda.adminUrl}/${page}`);
  });
  return { workersMs: pagoda.workersMs, workerKib, slowestMs };
}

async function manyClusters(): Promise<readonly Figure[]> {
  using one = await origin("one");
  using two = await origin("two");
  await using plane = await startControlPlane();
  plane.assign(assignments(one.port));
  const names = Array.from({ length: clusterCount }, (_, at) => `c${at}`);
  await using pagoda = await startProxy(
    Object.fromEntries(names.map((name) => [name, { xds: name }])),
    controlled(plane),
  );
  const urls = names.map((name) => `${pagoda.url}/${name}`);
  const sample = urls.filter((_, at) => at % 100 === 0 || at === clusterCount - 1);
  using agents = connections(8);
  using others = connections(2);
  let ms = Number.NaN;
  const slowest = await slowestCall(urls.slice(0, 1), others, async () => {
    const begun = performance.now();
    plane.assign(assignments(two.port));
    await until("two", sample, agents);
    ms = performance.now() - begun;
  });
  const what = `xDS: all endpoints of ${count(clusterCount)} clusters with ${count(endpointCount)} change`;
  return [
    {
      what: `${what}, effective in ${workers} workers`,
      value: ms,
      unit: "ms",
      atMost: 2_000,
    },
    { what: `${what}: slowest call meanwhile`, value: slowest, unit: "ms" },
  ];
}

/** The only healthy endpoint of a cluster moves. */
async function oneOfMany(): Promise<readonly Figure[]> {
  using one = await origin("one");
  using two = await origin("two");
  const unhealthy = addresses(one.port).slice(1);
  await using plane = await startControlPlane();
  const move = (to: { readonly port: number }): void =>
    plane.assign({ shop: { healthy: [`127.0.0.1:${to.port}`], unhealthy } });
  move(one);
  await using pagoda = await startProxy(
    { shop: { xds: "shop", panicThreshold: "0.001%" } },
    controlled(plane),
  );
  const urls = [`${pagoda.url}/shop`];
  using agents = connections(8);
  using others = connections(8);
  const times: number[] = [];
  const slowest = await slowestCall(urls, others, async () => {
    for (let n = 1; n <= singleChanges; n++) {
      const begun = performance.now();
      move(n % 2 === 0 ? one : two);
      await until(n % 2 === 0 ? "one" : "two", urls, agents);
      times.push(performance.now() - begun);
    }
  });
  const what = `xDS: one of ${count(endpointCount)} endpoints of a cluster changes`;
  return [
    {
      what: `${what}, until ${workers} workers use it, p50 of ${singleChanges}`,
      value: percentile(times, 0.5),
      unit: "ms",
    },
    { what: `${what}: slowest call meanwhile`, value: slowest, unit: "ms" },
  ];
}

/** The longest time that a call takes while something else is done. */
async function slowestCall(
  urls: readonly string[],
  agents: readonly Agent[],
  meanwhile: () => Promise<void>,
): Promise<number> {
  let slowest = 0;
  let isOver = false;
  const calling = agents.map(async (agent) => {
    for (let n = 0; !isOver; n++) {
      const begun = performance.now();
      await body(urls[n % urls.length] as string, agent);
      slowest = Math.max(slowest, performance.now() - begun);
    }
  });
  await meanwhile();
  isOver = true;
  await Promise.all(calling);
  return slowest;
}

function controlled({ url }: { readonly url: string }): object {
  return { control: { xds: { server: url, node: { id: "bench" } } } };
}

function assignments(port: number): Assignments {
  const all = addresses(port);
  return Object.fromEntries(
    Array.from({ length: clusterCount }, (_, at) => [
      `c${at}`,
      { healthy: all.slice(at * perCluster, (at + 1) * perCluster) },
    ]),
  );
}

function addresses(port: number): readonly string[] {
  return Array.from({ length: endpointCount }, (_, at) => `127.1.${at >> 8}.${at & 255}:${port}`);
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}
