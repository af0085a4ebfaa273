import type { Clock, Timer } from "@pagoda/core";
import type { EjectedEndpoint } from "../data-plane/ejected-endpoints.ts";

/** Endpoints that may be ejected at once: the list is sent whole. */
export const maxEjected = 1_000;

interface Ejection extends EjectedEndpoint {
  readonly timer: Timer;
}

export interface EjectionsOptions {
  readonly clock: Clock;
  /** Ejections of the process that this one replaces. Default: none. */
  readonly initial?: readonly EjectedEndpoint[] | undefined;
  /** Called with all ejections after each change. Settles when all workers know them. */
  readonly changed: (all: readonly EjectedEndpoint[]) => Promise<void>;
  /** Called when the time of an ejection is over. */
  readonly ended: (ejection: EjectedEndpoint) => void;
}

/**
 * The endpoints that an operator has ejected. The main process keeps them, so that they are the same
 * for all workers and outlive workers and configurations. Each ends by itself.
 */
export class Ejections {
  readonly #options: EjectionsOptions;
  readonly #all = new Map<string, Ejection>();

  constructor(options: EjectionsOptions) {
    this.#options = options;
    const now = options.clock.wallTime();
    for (const each of options.initial ?? []) if (each.until > now) this.#add(each, each.until - now);
  }

  get all(): readonly EjectedEndpoint[] {
    return Array.from(this.#all.values(), ({ cluster, endpoint, until }) => ({ cluster, endpoint, until }));
  }

  get size(): number {
    return this.#all.size;
  }

  has(cluster: string, endpoint: string): boolean {
    return this.#all.has(nameOf(cluster, endpoint));
  }

  /** Ejects an endpoint, or changes the time of its ejection. Settles when all workers know. */
  async eject(cluster: string, endpoint: string, forMs: number): Promise<EjectedEndpoint> {
    this.#forget(nameOf(cluster, endpoint));
    const ejection = { cluster, endpoint, until: this.#options.clock.wallTime() + forMs };
    this.#add(ejection, forMs);
    await this.#changed();
    return ejection;
  }

  /** Ends the ejection of an endpoint. Returns false if it was not ejected. */
  async end(cluster: string, endpoint: string): Promise<boolean> {
    if (!this.#forget(nameOf(cluster, endpoint))) return false;
    await this.#changed();
    return true;
  }

  close(): void {
    for (const name of Array.from(this.#all.keys())) this.#forget(name);
  }

  #add(ejection: EjectedEndpoint, forMs: number): void {
    const name = nameOf(ejection.cluster, ejection.endpoint);
    const timer = this.#options.clock.setTimer(forMs, () => {
      this.#all.delete(name);
      this.#options.ended(ejection);
      void this.#changed();
    });
    this.#all.set(name, { ...ejection, timer });
  }

  #forget(name: string): boolean {
    const known = this.#all.get(name);
    if (known !== undefined) this.#options.clock.clearTimer(known.timer);
    return this.#all.delete(name);
  }

  #changed(): Promise<void> {
    return this.#options.changed(this.all);
  }
}

function nameOf(cluster: string, endpoint: string): string {
  return JSON.stringify([cluster, endpoint]);
}
