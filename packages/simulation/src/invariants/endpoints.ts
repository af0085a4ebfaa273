import type { Endpoint, HealthSource } from "@pagoda/core";
import { isLeft } from "fp-ts/lib/Either.js";
import type { Origin } from "../origin.ts";
import type { Watch } from "../probe.ts";
import type { Result } from "../request.ts";
import type { World } from "../world.ts";

export const onlyFitEndpoints = "no call goes to an endpoint that is gone or ejected while others live";
export const ejectsFew = "no more endpoints are ejected than may be";
export const notStuck = "no balancer stays with an endpoint that fails while others are well";

/** Times in which a failure is forgotten, until an endpoint counts as well again. */
const convalescence = 2;
/** A call that waited this long without an answer makes the endpoint look slow. */
const slowMs = 30;
/** So many calls are looked at, and so large a share of them is too much for an endpoint that is known to fail. */
const period = 20;
const tooLarge = 0.25;

export interface Terms {
  /** With a smaller share of healthy endpoints all are called. */
  readonly panicThreshold: number;
  /** The share that may be ejected at once; one may always be. */
  readonly maxEjectedRatio: number;
  /** In this time the strategy forgets a failure by so much that it counts 1/e. 0: it does not learn from failures. */
  readonly forgetsMs: number;
}

/** Knows the endpoints of one balancer, and what its health sources say of them. */
export class EndpointsModel {
  readonly #world: World;
  readonly #terms: Terms;
  readonly #origins: readonly Origin[];
  /** By key, what each source says of those that are there. */
  readonly #present = new Map<string, Map<string, () => boolean>>();
  /** By key, when it was last seen to be in trouble. */
  readonly #troubledMs = new Map<string, number>();
  /** Those that fail, and have shown it: the calls since then that might have gone elsewhere, and those that did not. */
  readonly #failing = new Map<string, { calls: number; hits: number }>();

  constructor(world: World, origins: readonly Origin[], terms: Terms) {
    this.#world = world;
    this.#origins = origins;
    this.#terms = terms;
  }

  /** From now on these are there. */
  set(endpoints: readonly Endpoint[]): void {
    const keys = new Set(endpoints.map(({ key }) => key));
    for (const key of this.#present.keys()) if (!keys.has(key)) this.#present.delete(key);
    for (const key of keys) if (!this.#present.has(key)) this.#present.set(key, new Map());
  }

  isHealthy(key: string): boolean {
    return [...(this.#present.get(key)?.values() ?? [])].every((healthy) => healthy());
  }

  /** Those that calls may go to. */
  get usable(): readonly string[] {
    const keys = [...this.#present.keys()];
    const healthy = keys.filter((key) => this.isHealthy(key));
    return healthy.length < keys.length * this.#terms.panicThreshold ? keys : healthy;
  }

  /** The source, and what it says is heard here. */
  heard(source: HealthSource): HealthSource {
    return {
      name: source.name,
      watch: (endpoint, changed) => {
        const { key } = endpoint;
        const watch = source.watch(endpoint, () => {
          if (!watch.healthy) this.#ejected(source.name);
          changed();
        });
        // A balancer asks about an endpoint before it is known here that there is one.
        if (!this.#present.has(key)) this.#present.set(key, new Map());
        this.#present.get(key)?.set(source.name, () => watch.healthy);
        return watch;
      },
    };
  }

  /** To stand outermost in the stack of an endpoint. */
  inside(key: string): Watch {
    return {
      entered: (passage) => {
        passage.note = this.#world.now;
        if (!this.#present.has(key))
          this.#world.violate(onlyFitEndpoints, `a call goes to ${key}, which is gone`);
        else if (!this.usable.includes(key))
          this.#world.violate(onlyFitEndpoints, `a call goes to ${key}, which is not healthy`);
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
      this.#world.violate(ejectsFew, `${ejected} of ${size} are ejected, ${allowed} may be`);
  }

  /** Those that are not as they should be are in trouble, whether a call has shown it or not. */
  #look(): void {
    for (const { key, mood } of this.#origins) {
      const isCalm = mood.slowness === 1 && mood.hanging === 0 && mood.failing === 0 && !mood.down;
      if (!isCalm) this.#troubledMs.set(key, this.#world.now);
    }
  }

  /** A strategy that learns leaves an endpoint that fails, while another one is well and idle. */
  #count(key: string): void {
    if (this.#terms.forgetsMs === 0) return;
    this.#look();
    for (const [failing, seen] of this.#failing) {
      if (!this.#fails(failing) || !this.#present.has(failing)) {
        this.#failing.delete(failing);
        continue;
      }
      if (!this.usable.some((other) => other !== failing && this.#isWell(other))) continue;
      seen.calls++;
      if (key === failing) seen.hits++;
      if (seen.calls < period) continue;
      if (seen.hits > tooLarge * period)
        this.#world.violate(notStuck, `${seen.hits} of ${seen.calls} calls go to ${failing}, which fails`);
      seen.calls = 0;
      seen.hits = 0;
    }
  }

  #fails(key: string): boolean {
    const { mood } = this.#origin(key);
    return mood.down || mood.failing === 1;
  }

  /** It has nothing to do, and has done well for so long that a strategy has forgotten what was before. */
  #isWell(key: string): boolean {
    const troubledMs = this.#troubledMs.get(key) ?? -Infinity;
    const { underWay } = this.#origin(key);
    return underWay === 0 && this.#world.now - troubledMs > convalescence * this.#terms.forgetsMs;
  }

  #origin(key: string): Origin {
    return this.#origins.find((origin) => origin.key === key) as Origin;
  }
}

/** A call that makes an endpoint look bad: it failed, or was given up after a while. */
function isTrouble(result: Result | undefined, ms: number): boolean {
  if (result === undefined) return true;
  return isLeft(result) && (result.left.origin === "upstream" || ms > slowMs);
}
