import { anyOf, consecutiveFailures, successRate } from "@pagoda/circuit-breaker";
import { type Discovery, type Endpoint, maxTimerMs, type Random, ServiceBuilder } from "@pagoda/core";
import { between, logNormal, oneOf, pareto, whole } from "../random.ts";
import { BreakerModel } from "../invariants/half-open.ts";
import { RateModel } from "../invariants/rate.ts";
import { breakerRefusals } from "../invariants/refusals.ts";
import { SlotsModel } from "../invariants/slots.ts";
import { Origin } from "../origin.ts";
import { probe } from "../probe.ts";
import { classifier, type Request, type Stack } from "../request.ts";
import type { Environment } from "../environment.ts";

/** A distribution of latencies and its approximate mean. */
export interface Latency {
  readonly draw: (random: Random) => number;
  readonly meanMs: number;
}

export function someLatency(chance: Random): Latency {
  const median = between(chance, 4, 20);
  if (chance() < 0.5) {
    // One in fifty has a heavy tail.
    const draw = (random: Random): number =>
      random() < 0.02 ? pareto(random, 2 * median) : logNormal(random, median, 0.4);
    return { draw, meanMs: median * 1.17 };
  }
  const draw = (random: Random): number => logNormal(random, random() < 0.85 ? median : 8 * median, 0.2);
  return { draw, meanMs: median * 2.1 };
}

interface Shape {
  readonly probes: number;
  readonly failures: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly limit: number;
  readonly timeoutMs: number;
  readonly keyed: { readonly perSecond: number; readonly burst: number };
  readonly byRate: boolean;
}

interface Watched {
  readonly breaker: BreakerModel;
  readonly slots: SlotsModel;
}

/** Several origins, each behind its own stack: breaker, limits, timeout. They come and go. */
export class Endpoints implements Discovery<Endpoint> {
  readonly origins: readonly Origin[];
  readonly perSecond: number;
  endpoints: readonly Endpoint[];
  readonly #environment: Environment;
  readonly #shape: Shape;
  readonly #changed = new Set<() => void>();
  /** The models of the current stack, by key. */
  readonly #watched = new Map<string, Watched>();

  /** @param count The number of origins. */
  constructor(environment: Environment, count: number = whole(environment.chance, 2, 5)) {
    const { chance, world, onBody } = environment;
    const latency = someLatency(chance);
    const workers = whole(chance, 4, 12);
    this.#environment = environment;
    this.origins = Array.from(
      { length: count },
      (_, at) =>
        new Origin(world, {
          key: `origin-${at + 1}`,
          workers,
          queue: whole(chance, 0, 20),
          latency: latency.draw,
          onBody,
        }),
    );
    this.endpoints = this.origins;
    this.perSecond = (this.origins.length * workers * 1_000) / latency.meanMs;
    const openMs = between(chance, 20, 400);
    this.#shape = {
      probes: whole(chance, 1, 3),
      failures: whole(chance, 2, 8),
      openMs,
      maxOpenMs: openMs * oneOf(chance, [1, 4, 16]),
      limit: workers + whole(chance, -2, 12),
      timeoutMs: latency.meanMs * between(chance, 6, 20),
      keyed: { perSecond: (this.perSecond / this.origins.length) * 0.1, burst: whole(chance, 2, 20) },
      byRate: chance() < 0.5,
    };
    world.always(() => {
      for (const { breaker, slots } of this.#watched.values()) breaker.check(() => slots.admits());
    });
  }

  subscribe(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  }

  /** Whether a present endpoint would admit a call. */
  isFree(): boolean {
    for (const { breaker, slots } of this.#watched.values()) {
      if (breaker.admits() && slots.admits()) return true;
    }
    return false;
  }

  /** Removes some and adds others; returns whether any is left. */
  shuffle(random: Random): boolean {
    const stay = oneOf(random, [0, 0.7, 0.7, 0.7, 1]);
    this.endpoints = this.origins.filter(() => random() < stay);
    for (const { key } of this.origins) {
      if (!this.endpoints.some((endpoint) => endpoint.key === key)) this.#watched.delete(key);
    }
    for (const changed of this.#changed) changed();
    return this.endpoints.length > 0;
  }

  /** Adds all of them. */
  gather(): void {
    this.endpoints = this.origins;
    for (const changed of this.#changed) changed();
  }

  readonly connect = ({ key }: Endpoint): Stack => {
    const { world, parts, aborts } = this.#environment;
    const { probes, failures, openMs, maxOpenMs, limit, timeoutMs, keyed, byRate } = this.#shape;
    const { clock } = world;
    const origin = this.origins.find((one) => one.key === key) as Origin;
    const slots = new SlotsModel(world, limit);
    const rate = new RateModel(world, { keyed });
    const breaker = new BreakerModel(world, { failures, probes, openMs, maxOpenMs });
    const refusals = breakerRefusals(world);
    this.#watched.set(key, { breaker, slots });

    const inARow = consecutiveFailures(failures);
    return new ServiceBuilder<Request>()
      .layer(probe(breaker.outside, refusals.outside))
      .layer(
        parts.circuitBreaker({
          trip: byRate ? anyOf(inARow, successRate({ least: 0.6, windowMs: 2_000, minCalls: 20 })) : inARow,
          openMs,
          maxOpenMs,
          probes,
          // The timeout inside bounds each probe, so no probe slot is reclaimed and the count stays exact.
          probeMs: maxTimerMs,
          classifier,
          observer: { ...breaker.observer, halfOpened: () => world.count("half-open") },
          clock,
          random: world.chance(`breaker ${key}`),
        }),
      )
      .layer(probe(breaker.inside, refusals.inside, rate.outside))
      .layer(parts.rateLimit({ keyed: { ...keyed, key: (request) => request.key }, clock }))
      .layer(probe(rate.inside, slots.outside))
      .layer(parts.concurrencyLimit({ limit, clock }))
      .layer(probe(slots.inside))
      .layer(parts.timeout({ ms: timeoutMs, clock }))
      .layer(probe(aborts.origin))
      .service(origin.service);
  };
}
