import type { Clock, HealthSource, HealthWatch, Json } from "@pagoda/core";
import type { Origin } from "./origin.ts";

/** An endpoint that an operator has ejected. */
export interface EjectedEndpoint {
  readonly cluster: string;
  /** The origin. */
  readonly endpoint: string;
  /** When it returns, in milliseconds of wall time. */
  readonly until: number;
}

/** The name of the health source in descriptions. */
export const ejectedName = "operator";

/**
 * The endpoints that an operator has ejected, as the main process says: it decides when they return.
 * They get no calls, even while health is ignored.
 */
export class EjectedEndpoints {
  /** By cluster and endpoint. */
  #until: ReadonlyMap<string, number> = new Map();
  /** Also those of clusters of earlier configurations, whose calls are still in flight. */
  readonly #watches = new Set<EjectedWatch>();

  /** Takes the list, instead of the previous one. */
  set(list: readonly EjectedEndpoint[]): void {
    this.#until = new Map(list.map(({ cluster, endpoint, until }) => [nameOf(cluster, endpoint), until]));
    for (const watch of Array.from(this.#watches)) watch.update(this.#until.get(watch.name));
  }

  /** The health source of a cluster. */
  of(cluster: string, clock: Clock): HealthSource<Origin> {
    return {
      name: ejectedName,
      watch: ({ key }, changed) => {
        const name = nameOf(cluster, key);
        const gone = (watch: EjectedWatch): void => void this.#watches.delete(watch);
        const watch = new EjectedWatch(name, this.#until.get(name), { clock, changed, gone });
        this.#watches.add(watch);
        return watch;
      },
    };
  }
}

interface WatchContext {
  readonly clock: Clock;
  readonly changed: () => void;
  readonly gone: (watch: EjectedWatch) => void;
}

class EjectedWatch implements HealthWatch {
  readonly name: string;
  readonly #context: WatchContext;
  #until: number | undefined;

  constructor(name: string, until: number | undefined, context: WatchContext) {
    this.name = name;
    this.#until = until;
    this.#context = context;
  }

  get healthy(): boolean {
    return this.#until === undefined;
  }

  get withdrawn(): boolean {
    return this.#until !== undefined;
  }

  get reason(): string | undefined {
    return this.#until === undefined ? undefined : `until ${new Date(this.#until).toISOString()}`;
  }

  update(until: number | undefined): void {
    const was = this.healthy;
    this.#until = until;
    if (this.healthy !== was) this.#context.changed();
  }

  state(): { readonly [name: string]: Json } {
    if (this.#until === undefined) return {};
    return { ejected: true, returnsInMs: Math.max(0, this.#until - this.#context.clock.wallTime()) };
  }

  close(): void {
    this.#context.gone(this);
  }
}

function nameOf(cluster: string, endpoint: string): string {
  return JSON.stringify([cluster, endpoint]);
}
