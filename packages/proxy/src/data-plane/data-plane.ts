import { type Description, type Either, isLeft, right, type Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import type { ListenFailed } from "@pagoda/http/server";
import { stackMetrics } from "@pagoda/metrics";
import { Registry } from "prom-client";
import type { Resolved } from "../config/resolved.ts";
import type { SharedStores } from "../policies/policy.ts";
import { States } from "../policies/states.ts";
import type { CallSample, SampleDetail } from "../live/sample.ts";
import type { RequestQuery, TapQuery, Tapped, WorkerRecord } from "../recorder/call-record.ts";
import { Recorder } from "../recorder/recorder.ts";
import { CentralEndpoints } from "./central-endpoints.ts";
import { EjectedEndpoints } from "./ejected-endpoints.ts";
import { described } from "./described.ts";
import { Clusters, type Taken } from "./clusters.ts";
import { Generation, latest } from "./generation.ts";
import type { Listening } from "./listening.ts";
import { listenerStack } from "./listener-stack.ts";
import { ServerCounters } from "./server-counters.ts";
import { listenerName } from "../config/names.ts";
import { realSystem } from "./network.ts";
import { sampleOf } from "./live-sample.ts";
import { noSpans, type Spans, spansOf } from "./spans.ts";
import type { OpenListener, System } from "./system.ts";
import { type Telemetry, telemetryOf } from "./telemetry.ts";
import { Turns } from "./turns.ts";
import type {
  ClusterStatus,
  DataPlane,
  DataPlaneContext,
  MetricData,
  ResetQuery,
  StartDataPlane,
  WasReset,
} from "./types.ts";

/** Serves a configuration; see {@link DataPlane}. */
export const startDataPlane: StartDataPlane = async (resolved, context) => {
  const running = new RunningDataPlane(resolved, context);
  const started = await running.apply(resolved, context);
  return isLeft(started) ? started : right(running);
};

/** What a configuration has created. */
interface Parts {
  readonly taken: Taken;
  readonly spans: Spans;
  readonly context: DataPlaneContext;
  /** Runs when its last call has ended. */
  readonly atEnd: (() => void)[];
}

class RunningDataPlane implements DataPlane {
  readonly #registry = new Registry();
  readonly #log: DataPlaneContext["log"];
  readonly #telemetry: Telemetry;
  readonly #states = new States();
  readonly #counters: ServerCounters;
  readonly #system: System;
  readonly #clusters: Clusters;
  readonly #recorder: Recorder;
  #listeners = new Map<string, OpenListener>();
  #generation = new Generation(new Map(), () => {});
  #taken: Taken | undefined;
  #spans: Spans = noSpans;
  #isDraining = false;
  #logLevel: string;

  constructor(
    { config }: Resolved,
    {
      log,
      found,
      central = new CentralEndpoints(),
      ejected = new EjectedEndpoints(),
      system = realSystem(),
    }: DataPlaneContext,
  ) {
    const registry = this.#registry;
    const { clock, random, network } = system;
    this.#system = system;
    this.#log = log;
    this.#logLevel = config.log.level;
    this.#telemetry = telemetryOf(registry, log, clock);
    this.#clusters = new Clusters(
      { ...this.#telemetry, states: this.#states, central, ejected, clock, random, network },
      found,
    );
    this.#recorder = new Recorder({
      settings: config.recorder,
      clock,
      random,
      endpoints: (name) => this.#taken?.cluster(name)?.troubles(),
    });
    this.#counters = new ServerCounters(registry, this.#recorder);
    stackMetrics({ registry, stack: () => this.#whole(), clock });
  }

  get listening(): readonly Listening[] {
    return Array.from(this.#listeners.values(), ({ listening }) => listening);
  }

  async apply(resolved: Resolved, context: DataPlaneContext): Promise<Either<ListenFailed, void>> {
    const { config, files } = resolved;
    const spans = await spansOf(config.tracing, this.#log, this.#spans, this.#system.clock);
    await this.#system.network.load(config);
    const atEnd: (() => void)[] = [];
    const taken = await this.#clusters.take(resolved, spans, context.policies, context.known);
    // A cluster with discovery has no endpoints before the first answer.
    await Promise.all(taken.all.map(([, { started }]) => started));
    let next: Generation;
    try {
      next = this.#generationOf(resolved, { taken, spans, context, atEnd });
    } catch (error) {
      for (const run of atEnd) run();
      taken.release();
      throw error;
    }
    const opened = await this.#open(resolved, next, context);
    if (isLeft(opened) || this.#isDraining) {
      // A generation that ended meanwhile starts nothing.
      if (!isLeft(opened)) await closeAll(opened.right);
      for (const run of atEnd) run();
      taken.release();
      if (spans !== this.#spans) await spans.close();
      return isLeft(opened) ? opened : right(undefined);
    }
    const before = this.#listeners;
    this.#listeners = new Map(
      config.listeners.map((each) => {
        const name = listenerName(each);
        const listener = opened.right.get(name) ?? (before.get(name) as OpenListener);
        if (!opened.right.has(name)) listener.update(each, files, context.ticketSecret);
        return [name, listener];
      }),
    );
    const updated = this.#clusters.use(taken, resolved);
    const past = this.#generation;
    this.#generation = next;
    this.#taken = taken;
    this.#spans = spans;
    this.#recorder.settings = config.recorder;
    past.supersede();
    const still = new Set(this.#listeners.values());
    for (const listener of before.values())
      if (!still.has(listener)) void listener.server.drain(config.drain.timeout);
    // Unless it changes, the level that an operator has set meanwhile stays.
    if (config.log.level !== this.#logLevel) this.setLogLevel((this.#logLevel = config.log.level));
    await updated;
    return right(undefined);
  }

  notReady(): string | undefined {
    if (this.#isDraining) return "draining";
    const clusters = this.#taken?.all ?? [];
    if (clusters.length === 0 || clusters.some(([, { reachable }]) => reachable)) return undefined;
    return "no upstream can be reached";
  }

  async metrics(): Promise<readonly MetricData[]> {
    const all = (await this.#registry.getMetricsAsJSON()) as unknown as readonly MetricData[];
    // Some carry functions.
    return all.map(({ name, help, type, aggregator, values }) => ({ name, help, type, aggregator, values }));
  }

  describe(): Readonly<Record<string, Description>> {
    return Object.fromEntries(
      Array.from(this.#generation.stacks, ([name, stack]) => [name, described(stack)] as const),
    );
  }

  async clusters(): Promise<readonly ClusterStatus[]> {
    const turns = new Turns(this.#system.clock);
    const all: ClusterStatus[] = [];
    for (const [, cluster] of this.#taken?.all ?? []) all.push(await cluster.status(turns));
    return all;
  }

  sample(detail: SampleDetail): CallSample {
    return sampleOf(detail, {
      counted: this.#telemetry.calls.counted(),
      noted: this.#recorder.counts,
      stacks: this.#generation.stacks,
      clusters: this.#taken?.all ?? [],
    });
  }

  requests(query: RequestQuery): readonly WorkerRecord[] {
    return this.#recorder.find(query);
  }

  tap(id: string, query: TapQuery): Tapped {
    return this.#recorder.tap(id, query);
  }

  closeTap(id: string): void {
    this.#recorder.closeTap(id);
  }

  reset({ cluster: wanted, endpoint }: ResetQuery): readonly WasReset[] {
    const all: WasReset[] = [];
    for (const [cluster, its] of this.#taken?.all ?? [])
      if (wanted === undefined || cluster === wanted)
        for (const { endpoint: key, policy } of its.reset(endpoint))
          all.push({ cluster, endpoint: key, policy });
    return all;
  }

  setLogLevel(level: string): void {
    this.#log.level = level;
  }

  async drain(limitMs: number): Promise<number> {
    this.#isDraining = true;
    const cutOff = await Promise.all(
      Array.from(this.#listeners.values(), ({ server }) => server.drain(limitMs)),
    );
    this.#generation.supersede();
    await this.#spans.close();
    return cutOff.reduce((sum, each) => sum + each, 0);
  }

  #generationOf(
    { config, files }: Resolved,
    { taken, spans, atEnd, context: { limits, policies } }: Parts,
  ): Generation {
    const clusters = Object.fromEntries(taken.all.map(([name, { service }]) => [name, service]));
    const workers = config.workers === "all" ? 1 : config.workers;
    const context = {
      ...this.#telemetry,
      events: this.#telemetry.events.until((run) => atEnd.push(run)),
      sharedStore:
        limits &&
        ((place: string): SharedStores =>
          (maxKeys, kept) =>
            limits(place, { maxKeys, workers, kept })),
      policies,
      files,
      states: this.#states,
      clock: this.#system.clock,
      random: this.#system.random,
      atEnd: (run: () => void) => atEnd.push(run),
      clusters,
      logging: config.log,
      recorder: this.#recorder,
      tracing: spans.tracing,
    };
    const stacks = new Map<string, Service<HttpRequest, HttpResponse>>(
      config.listeners.map((listener) => [listenerName(listener), listenerStack(listener, context)]),
    );
    return new Generation(stacks, () => {
      for (const run of atEnd) run();
      taken.release();
      if (spans !== this.#spans) void spans.close();
    });
  }

  /**
   * Opens the listeners that are not open yet. `Left`: one of them failed, and all those are
   * closed.
   */
  async #open(
    { config, files }: Resolved,
    next: Generation,
    { sockets, ticketSecret }: DataPlaneContext,
  ): Promise<Either<ListenFailed, ReadonlyMap<string, OpenListener>>> {
    const opened = new Map<string, OpenListener>();
    for (const each of config.listeners) {
      const name = listenerName(each);
      if (this.#listeners.get(name)?.isFor(each)) continue;
      const listener = await this.#system.listen(each, {
        // May be called before all the others listen.
        stack: latest(name, () => (this.#generation.stacks.has(name) ? this.#generation : next)),
        counters: this.#counters,
        files,
        ticketSecret,
        sockets: sockets?.(name),
        log: this.#log,
      });
      if (isLeft(listener)) {
        await closeAll(opened);
        return listener;
      }
      opened.set(name, listener.right);
    }
    return right(opened);
  }

  /** All stacks as one tree, with each cluster once, whatever listeners use it. */
  #whole(): { describe(): Description } {
    return {
      describe: () => ({
        name: "pagoda",
        inner: [
          ...Array.from(this.#generation.stacks, ([listener, stack]) => ({
            name: "listener",
            options: { listener },
            inner: [withoutClusters(described(stack))],
          })),
          ...(this.#taken?.all ?? []).map(([key, { service }]) => ({
            name: "cluster",
            options: { key },
            inner: [described(service)],
          })),
        ],
      }),
    };
  }
}

/** A stack without its leaf, the clusters. */
function withoutClusters({ inner = [], ...rest }: Description): Description {
  return { ...rest, inner: inner.filter(({ name }) => name !== "clusters").map(withoutClusters) };
}

async function closeAll(listeners: ReadonlyMap<string, OpenListener>): Promise<void> {
  await Promise.all(Array.from(listeners.values(), ({ server }) => server.close()));
}
