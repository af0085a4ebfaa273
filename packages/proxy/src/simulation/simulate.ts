import { isLeft, right, type Service } from "@pagoda/core";
import { randomStream } from "@pagoda/core/testing";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { pino } from "pino";
import { listenerName } from "../config/names.ts";
import { addressText } from "../config/address.ts";
import type { Config, ListenerConfig } from "../config/schema/config.ts";
import { startDataPlane } from "../data-plane/data-plane.ts";
import type { OpenListener, System } from "../data-plane/system.ts";
import type { DataPlane } from "../data-plane/types.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import { type NamedEndpoint, Recording } from "./recording.ts";
import type { Simulation } from "./result.ts";
import type { ReadScenario } from "./scenario/read.ts";
import type { OriginSettings, Scenario } from "./scenario/schema.ts";
import type { Simulatable } from "./world/configuration.ts";
import { SimulatedEndpoint } from "./world/endpoint.ts";
import { schedule } from "./world/events.ts";
import { SimulatedNetwork } from "./world/network.ts";
import { Time } from "./world/time.ts";
import { arrivals, Workload } from "./world/workload.ts";

/** How long responses are awaited after the last request. */
const patienceMs = 60_000;

/** Of a cluster that the scenario says nothing about, since no request goes there. */
const unused: OriginSettings = {
  latency: { p50: 1, p99: 1 },
  capacity: undefined,
  slowdown: "queue",
  endpoints: undefined,
};

/** Lengths of a step, of which the first that makes at most {@link maxSteps} is used. */
const stepsMs = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 600_000, 3_600_000];
const maxSteps = 120;

/**
 * Runs a configuration in virtual time, against the origins of a scenario. The same for the same seed,
 * on every machine.
 *
 * @throws Error if a layer rejects its options, as `pagoda` would at its start.
 */
export async function simulate(
  { resolved }: Simulatable,
  { scenario, loads }: ReadScenario,
  policies: PolicyRegistry,
  seed: number,
): Promise<Simulation> {
  const time = new Time();
  const { clock } = time;
  const endpoints = endpointsOf(resolved.config, scenario, time, seed);
  const stacks = new Map<string, Service<HttpRequest, HttpResponse>>();
  const system: System = {
    clock,
    random: randomStream(seed, "pagoda"),
    network: new SimulatedNetwork(new Map(endpoints.map(({ endpoint }) => [endpoint.key, endpoint]))),
    async listen(config, { stack }) {
      stacks.set(listenerName(config), stack);
      return right(simulatedListener(config));
    },
  };
  let recording: Recording | undefined;
  const log = pino(
    { level: "info", base: null },
    {
      write(line: string) {
        const { level: _, time: __, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
        recording?.log(clock.now(), String(msg), facts);
      },
    },
  );
  const plane = await started(
    time,
    startDataPlane(resolved, { log, policies, ticketSecret: new Uint8Array(32), system }),
  );
  const lengthMs = Math.max(...loads.map(({ load }) => load.at + load.for));
  const stepMs = stepsMs.find((each) => lengthMs / each <= maxSteps) ?? 3_600_000;
  const startMs = clock.now();
  const record = new Recording({ startMs, stepMs, lengthMs }, endpoints);
  recording = record;
  const byCluster = Map.groupBy(endpoints, ({ cluster }) => cluster);
  schedule(
    scenario.events,
    new Map(Array.from(byCluster, ([cluster, all]) => [cluster, all.map(({ endpoint }) => endpoint)])),
    clock,
  );
  const workloads = loads.map(
    ({ load, listener, request }, at) =>
      new Workload(load, request, stacks.get(listener) as Service<HttpRequest, HttpResponse>, {
        clock,
        random: arrivals(seed, at),
        ended: (ended) => record.ended(ended),
      }),
  );
  for (const workload of workloads) workload.begin();
  const isOver = (): boolean =>
    clock.now() >= startMs + lengthMs + patienceMs ||
    (clock.now() >= startMs + lengthMs &&
      workloads.every(({ isComplete, inFlight }) => isComplete && inFlight === 0));
  // There may be no other timer left at the end.
  clock.setTimer(lengthMs, () => {});
  await time.run(isOver, () =>
    clock.now() < record.nextMs ? undefined : sample(record, plane, clock.now()),
  );
  record.count(await plane.metrics());
  const unanswered = workloads.reduce((sum, { inFlight }) => sum + inFlight, 0);
  recording = undefined;
  await plane.drain(0);
  return record.result(seed, unanswered);
}

/** Takes all samples that are due: nothing has happened since the first of them. */
async function sample(record: Recording, plane: DataPlane, nowMs: number): Promise<void> {
  while (record.nextMs <= nowMs) record.sample(await plane.metrics(), await plane.clusters());
}

/** Lets time pass until the data plane has started: the first health checks take time. */
async function started(time: Time, starting: ReturnType<typeof startDataPlane>): Promise<DataPlane> {
  let outcome: Awaited<typeof starting> | undefined;
  let failure: { readonly error: unknown } | undefined;
  starting.then(
    (result) => (outcome = result),
    (error: unknown) => (failure = { error }),
  );
  await time.run(
    () => outcome !== undefined || failure !== undefined,
    () => undefined,
  );
  if (failure !== undefined) throw failure.error;
  if (outcome === undefined || isLeft(outcome)) throw new Error("the configuration did not start");
  return outcome.right;
}

function endpointsOf(
  { clusters }: Config,
  { origins }: Scenario,
  { clock }: Time,
  seed: number,
): readonly NamedEndpoint[] {
  const known = new Map<string, SimulatedEndpoint>();
  return Object.entries(clusters).flatMap(([cluster, { endpoints = [] }]) =>
    endpoints.map((listed, n): NamedEndpoint => {
      const key = typeof listed === "string" ? listed : listed.url;
      const name = `${cluster}[${n}]`;
      // Two clusters may have an endpoint in common.
      const endpoint =
        known.get(key) ??
        new SimulatedEndpoint(key, origins[cluster] ?? unused, clock, randomStream(seed, `endpoint ${key}`));
      known.set(key, endpoint);
      return { name, cluster, endpoint };
    }),
  );
}

function simulatedListener(config: ListenerConfig): OpenListener {
  const { host, port } = config.address;
  return {
    listening: { name: listenerName(config), host, port, url: `http://${addressText(config.address)}` },
    server: { drain: () => Promise.resolve(0), close: () => Promise.resolve() },
    isFor: () => true,
    update() {},
  };
}
