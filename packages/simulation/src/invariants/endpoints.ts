import { type Endpoint, type HealthSource, isLeft } from "@pagoda/core";
import type { Origin } from "../origin.ts";
import type { Watch } from "../probe.ts";
import type { Result } from "../request.ts";
import type { World } from "../world.ts";

export const onlyUsableEndpoints = "no call goes to a removed or ejected endpoint while others are usable";
export const ejectionLimit = "no more endpoints are ejected than the limit allows";
export const avoidsFailing = "no balancer prefers a failing endpoint while a healthy one is idle";

/** Decay times after a failure until an endpoint counts as recovered. */
const recoveryFactor = 2;
/** A call without a response for this long makes the endpoint look slow. */
const slowMs = 30;
/** Of this many calls, a failing endpoint may get at most this share. */
const sampleSize = 20;
const maxShare = 0.25;

export interface Terms {
  /** With a smaller share of healthy endpoints, all are called. */
  readonly panicThreshold: number;
  /** The share that may be ejected at once; one always may. */
  readonly maxEjectedRatio: number;
  /** Time after which the strategy weighs a failure by 1/e. 0 if it does not learn from failures. */
  readonly decayMs: number;
}

/** Models the endpoints of one balancer and what its health sources report. */
export class EndpointsModel {
  readonly #world: World;
  readonly #terms: Terms;
  readonly #origins: readonly Origin[];
  /** Health by source, for each present endpoint by key. */
  readonly #present = new Map<string, Map<string, () => boolean>>();
  /** When each endpoint last looked bad, by key. */
  readonly #troubledMs = new Map<string, number>();
  /** Endpoints known to fail: calls since then that could have gone elsewhere, and how many went here. */
  readonly #failing = new Map<string, { calls: number; hits: number }>();

  constructor(world: World, origins: readonly Origin[], terms: Terms) {
    this.#world = world;
    this.#origins = origins;
    this.#terms = terms;
  }

  /** Replaces the present endpoints. */
  set(endpoints: readonly Endpoint[]): void {
    const keys = new Set(endpoints.map(({ key }) => key));
    for (const key of this.#present.keys()) if (!keys.has(key)) this.#present.delete(key);
    for (const key of keys) if (!this.#present.has(key)) this.#present.set(key, new Map());
  }

  isHealthy(key: string): boolean {
    return [...(this.#present.get(key)?.values() ?? [])].every((healthy) => healthy());
  }

  /** The endpoints that may be called. */
  get usable(): readonly string[] {
    const keys = [...this.#present.keys()];
    const healthy = keys.filter((key) => this.isHealthy(key));
    return healthy.length < keys.length * this.#terms.panicThreshold ? keys : healthy;
  }

  /** Wraps a health source to observe its reports. */
  observe(source: HealthSource): HealthSource {
    return {
      name: source.name,
      watch: (endpoint, changed) => {
        const { key } = endpoint;
        const watch = source.watch(endpoint, () => {
          if (!watch.healthy) this.#ejected(source.name);
          changed();
        });
        // A balancer watches an endpoint before `set` runs.
        if (!this.#present.has(key)) this.#present.set(key, new Map());
        this.#present.get(key)?.set(source.name, () => watch.healthy);
        return watch;
      },
    };
  }

  /** Belongs outermost in the stack of an endpoint. */
  inside(key: string): Watch {
    return {
      entered: (call) => {
        call.note = this.#world.now;
        if (!this.#present.has(key))
          this.#world.violate(onlyUsableEndpoints, `a call goes to ${key}, which was removed`);
        else if (!this.usable.includes(key))
          this.#world.violate(onlyUsableEndpoints, `a call goes to ${key}, which is not healthy`);
        this.#count(key);
      },
      left: ({ note }, result) => {
        const { now } = this.#world;
        if (isTrouble(result, now - note)) this.#troubledMs.set(key, now);
        const isFailure = result !== undefined && isLeft(result) && result.left.origin === "upstream";
        if (isFailure && this.#fails(key) && !this.#failing.has(key))
          this.#failing.set(key, { calls: 0, hits: 0 });
      },
    };
  }

  #ejected(source: string): void {
    const { size } = this.#present;
    const allowed = Math.max(1, Math.floor(size * this.#terms.maxEjectedRatio));
    const ejected = [...this.#present.values()].filter((sources) => sources.get(source)?.() === false).length;
    this.#world.count("ejected");
    if (ejected > allowed)
      this.#world.violate(ejectionLimit, `${ejected} of ${size} are ejected; allowed: ${allowed}`);
  }

  /** Marks unhealthy origins even if no call has shown it yet. */
  #markUnhealthy(): void {
    for (const { key, condition } of this.#origins) {
      const isHealthy =
        condition.slowness === 1 && condition.hanging === 0 && condition.failing === 0 && !condition.down;
      if (!isHealthy) this.#troubledMs.set(key, this.#world.now);
    }
  }

  /** A strategy that learns must avoid a failing endpoint while another is healthy and idle. */
  #count(key: string): void {
    if (this.#terms.decayMs === 0) return;
    this.#markUnhealthy();
    for (const [failing, seen] of this.#failing) {
      if (!this.#fails(failing) || !this.#present.has(failing)) {
        this.#failing.delete(failing);
        continue;
      }
      if (!this.usable.some((other) => other !== failing && this.#isRecovered(other))) continue;
      seen.calls++;
      if (key === failing) seen.hits++;
      if (seen.calls < sampleSize) continue;
      if (seen.hits > maxShare * sampleSize)
        this.#world.violate(
          avoidsFailing,
          `${seen.hits} of ${seen.calls} calls go to ${failing}, which fails`,
        );
      seen.calls = 0;
      seen.hits = 0;
    }
  }

  #fails(key: string): boolean {
    const { condition } = this.#origin(key);
    return condition.down || condition.failing === 1;
  }

  /** Whether it is idle and has been healthy for so long that a strategy has forgotten earlier failures. */
  #isRecovered(key: string): boolean {
    const troubledMs = this.#troubledMs.get(key) ?? -Infinity;
    const { inFlight } = this.#origin(key);
    return inFlight === 0 && this.#world.now - troubledMs > recoveryFactor * this.#terms.decayMs;
  }

  #origin(key: string): Origin {
    return this.#origins.find((origin) => origin.key === key) as Origin;
  }
}

/** Whether a call makes its endpoint look bad: it failed, or was given up after a while. */
function isTrouble(result: Result | undefined, ms: number): boolean {
  if (result === undefined) return true;
  return isLeft(result) && (result.left.origin === "upstream" || ms > slowMs);
}
