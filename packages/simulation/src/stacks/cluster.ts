import {
  type Balancer,
  leastRequest,
  maglev,
  peakEwma,
  random as randomly,
  ringHash,
  roundRobin,
  type Strategy,
  weightedRoundRobin,
} from "@pagoda/balance";
import { type Discovery, type Endpoint, type HealthSource, type Random, ServiceBuilder } from "@pagoda/core";
import { between, oneOf, whole } from "../random.ts";
import { EndpointsModel } from "../invariants/endpoints.ts";
import { noLeaks } from "../invariants/leaks.ts";
import { SlotsModel } from "../invariants/slots.ts";
import { Origin } from "../origin.ts";
import { probe } from "../probe.ts";
import { type Answer, classifier, type Request } from "../request.ts";
import type { Environment } from "../environment.ts";
import { BackgroundClock } from "../background-clock.ts";
import { someLatency } from "./endpoints.ts";

type Balanced = ReturnType<Cluster["service"]>;

/** Several origins behind a balancer with any strategy and health sources. They come and go. */
export class Cluster implements Discovery<Endpoint> {
  readonly origins: readonly Origin[];
  readonly perSecond: number;
  endpoints: readonly Endpoint[];
  readonly #environment: Environment;
  readonly #name: string;
  readonly #limit: number;
  readonly #timeoutMs: number;
  readonly #model: EndpointsModel;
  readonly #strategy: Strategy<Request>;
  readonly #panicThreshold: number;
  readonly #slowStartMs: number | undefined;
  readonly #health: readonly HealthSource[];
  readonly #clock: BackgroundClock;
  readonly #changed = new Set<() => void>();
  /** By key, for the endpoints present. */
  readonly #slots = new Map<string, SlotsModel>();
  #balancer: Balancer<Request, Answer, unknown> | undefined;

  constructor(environment: Environment, name: string) {
    const { chance, world, onBody, parts } = environment;
    const latency = someLatency(chance);
    const workers = whole(chance, 4, 12);
    this.#environment = environment;
    this.#name = name;
    this.#clock = new BackgroundClock(world);
    this.origins = Array.from(
      { length: whole(chance, 2, 7) },
      (_, at) =>
        new Origin(world, {
          key: `${name}-${at + 1}`,
          workers,
          queue: whole(chance, 0, 20),
          latency: latency.draw,
          onBody,
        }),
    );
    this.endpoints = this.origins.map(({ key }) => ({ key, weight: whole(chance, 1, 4) }));
    this.perSecond = (this.origins.length * workers * 1_000) / latency.meanMs;
    this.#limit = workers + whole(chance, -2, 12);
    this.#timeoutMs = latency.meanMs * between(chance, 6, 20);
    this.#strategy = someStrategy(chance, world.chance(`strategy of ${name}`), parts.peakEwma);
    this.#panicThreshold = oneOf(chance, [0, 0.5, 0.8]);
    this.#slowStartMs = chance() < 0.3 ? between(chance, 200, 2_000) : undefined;
    const maxEjectedRatio = oneOf(chance, [0, 0.3, 0.6, 1]);
    // Ejecting failing endpoints would leave a learning strategy nothing to do.
    const isWatched = chance() < (this.#strategy.name === "peak-ewma" ? 0.3 : 0.8);
    this.#model = new EndpointsModel(world, this.origins, {
      panicThreshold: this.#panicThreshold,
      maxEjectedRatio,
      decayMs: this.#slowStartMs === undefined ? Number(this.#strategy.options?.["decayMs"] ?? 0) : 0,
    });
    const detection = parts.outlierDetection({
      consecutiveFailures: whole(chance, 2, 8),
      intervalMs: between(chance, 200, 2_000),
      minCalls: 20,
      minEndpoints: 3,
      deviations: 1.2,
      ejectionMs: between(chance, 100, 1_000),
      maxEjectionMs: 5_000,
      maxEjectedRatio,
      clock: this.#clock,
    });
    this.#health = isWatched ? [this.#model.observe(detection)] : [];
    this.#model.set(this.endpoints);
  }

  subscribe(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  service() {
    const { parts, world } = this.#environment;
    const { clock } = world;
    const balancer = parts.balance({
      discovery: this,
      connect: this.#connect,
      strategy: this.#strategy,
      health: this.#health,
      panicThreshold: this.#panicThreshold,
      ...(this.#slowStartMs !== undefined && { slowStart: { ms: this.#slowStartMs } }),
      classifier,
      observer: { panicked: () => world.count("panic") },
      clock,
    });
    this.#balancer = balancer;
    return balancer;
  }

  /** Whether a usable endpoint would admit a call. */
  isFree(): boolean {
    return this.#model.usable.some((key) => this.#slots.get(key)?.admits() === true);
  }

  /** Removes some and adds others with new weights; returns whether any is left. */
  shuffle(random: Random): boolean {
    const stay = oneOf(random, [0, 0.7, 0.7, 0.7, 1]);
    const keys = this.origins.map(({ key }) => key).filter(() => random() < stay);
    this.#set(keys.map((key) => ({ key, weight: whole(random, 1, 4) })));
    return keys.length > 0;
  }

  /** Adds all of them. */
  gather(): void {
    this.#set(this.origins.map(({ key }) => ({ key })));
  }

  /** Closes the balancer, after which no timer of a health source may be pending. */
  close(): void {
    const { world } = this.#environment;
    this.#balancer?.close();
    if (this.#clock.pending > 0)
      world.violate(noLeaks, `${this.#clock.pending} health timers of ${this.#name} remain`);
  }

  #set(endpoints: readonly Endpoint[]): void {
    this.endpoints = endpoints;
    this.#model.set(endpoints);
    for (const key of this.#slots.keys())
      if (!endpoints.some((endpoint) => endpoint.key === key)) this.#slots.delete(key);
    for (const changed of this.#changed) changed();
  }

  readonly #connect = ({ key }: Endpoint) => {
    const { world, parts, aborts } = this.#environment;
    const { clock } = world;
    const origin = this.origins.find((one) => one.key === key) as Origin;
    const slots = new SlotsModel(world, this.#limit);
    this.#slots.set(key, slots);
    return new ServiceBuilder<Request>()
      .layer(probe(this.#model.inside(key), slots.outside))
      .layer(parts.concurrencyLimit({ limit: this.#limit, clock }))
      .layer(probe(slots.inside))
      .layer(parts.timeout({ ms: this.#timeoutMs, clock }))
      .layer(probe(aborts.origin))
      .service(origin.service);
  };
}

export type { Balanced };

function someStrategy(chance: Random, random: Random, ewma: typeof peakEwma): Strategy<Request> {
  const key = (request: Request): string => request.key;
  const make = oneOf(chance, [
    () => roundRobin({ random }),
    () => weightedRoundRobin({ random }),
    () => randomly({ random }),
    () => leastRequest({ random }),
    // Three times, because it learns most; with decay times as short as the failures.
    () => ewma({ random, decayMs: 300 }),
    () => ewma({ random, decayMs: 600 }),
    () => ewma({ random, decayMs: 1_200 }),
    () => ringHash({ key, random }),
    () => maglev({ key, tableSize: 1_009, random }),
  ]);
  return make();
}
