import type { Endpoint, HealthSource } from "@pagoda/core";
import type { Origin } from "../origin.ts";
import type { Watch } from "../probe.ts";
import type { World } from "../world.ts";

export const onlyFitEndpoints = "no call goes to an endpoint that is gone or ejected while others live";
export const ejectsFew = "no more endpoints are ejected than may be";
export const notStuck = "no balancer stays with an endpoint that fails while others are well";

/** Calls in a row that go to an endpoint that fails, before that is too many. */
const tooMany = 50;

export interface Terms {
  /** With a smaller share of healthy endpoints all are called. */
  readonly panicThreshold: number;
  /** The share that may be ejected at once; one may always be. */
  readonly maxEjectedRatio: number;
  /** The strategy learns from failures, and has to leave an endpoint that fails. */
  readonly learns: boolean;
}

/** Knows the endpoints of one balancer, and what its health sources say of them. */
export class EndpointsModel {
  readonly #world: World;
  readonly #terms: Terms;
  readonly #origins: readonly Origin[];
  /** By key, what each source says of those that are there. */
  readonly #present = new Map<string, Map<string, () => boolean>>();
  #failing: string | undefined;
  #inARow = 0;

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
  heard(source: HealthSource, ejects: boolean): HealthSource {
    return {
      name: source.name,
      watch: (endpoint, changed) => {
        const { key } = endpoint;
        const watch = source.watch(endpoint, () => {
          if (ejects && !watch.healthy) this.#ejected(source.name);
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
      entered: () => {
        if (!this.#present.has(key))
          this.#world.violate(onlyFitEndpoints, `a call goes to ${key}, which is gone`);
        else if (!this.usable.includes(key))
          this.#world.violate(onlyFitEndpoints, `a call goes to ${key}, which is not healthy`);
        this.#count(key);
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

  /** Counts the calls in a row that go to the same endpoint, which fails, while another one is well and idle. */
  #count(key: string): void {
    if (!this.#terms.learns) return;
    const isFailing = this.#fails(key);
    const isOtherWell = this.usable.some((other) => other !== key && this.#isIdle(other));
    if (!isFailing || !isOtherWell) {
      this.#failing = undefined;
      return;
    }
    this.#inARow = this.#failing === key ? this.#inARow + 1 : 1;
    this.#failing = key;
    if (this.#inARow > tooMany)
      this.#world.violate(notStuck, `${this.#inARow} calls in a row go to ${key}, which fails`);
  }

  #fails(key: string): boolean {
    const { mood } = this.#origin(key);
    return mood.down || mood.failing === 1;
  }

  #isIdle(key: string): boolean {
    const { mood, underWay } = this.#origin(key);
    return mood.slowness === 1 && mood.hanging === 0 && mood.failing === 0 && !mood.down && underWay === 0;
  }

  #origin(key: string): Origin {
    return this.#origins.find((origin) => origin.key === key) as Origin;
  }
}
