import type { Clock } from "@pagoda/core";
import type { Endpoints, Origin } from "./origin.ts";

/** Newcomers of the first turn; most lists have no more. */
const firstNewcomers = 32;
/** Aimed-at milliseconds of a turn. */
const turnMs = 10;

/**
 * Endpoints of which many new ones come a few at a time, in turns of the event loop: a stack is made
 * for each of them, and calls must not wait for those of 10,000. Endpoints that are gone go at once.
 */
export class GradualEndpoints implements Pick<Endpoints, "endpoints" | "subscribe" | "state" | "started"> {
  endpoints: readonly Origin[] = [];
  /** Settles when the first endpoints of the source are all here. */
  readonly started: Promise<void>;
  readonly #source: Endpoints;
  readonly #clock: Clock;
  readonly #subscribers = new Set<{ readonly changed: () => void }>();
  readonly #unsubscribe: () => void;
  /** Undefined while no further ones are to come. */
  #whole: PromiseWithResolvers<void> | undefined;
  #next: NodeJS.Immediate | undefined;
  #newcomers = firstNewcomers;

  /** @param isAtOnce Whether the present endpoints of the source come together. */
  constructor(source: Endpoints, isAtOnce: boolean, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    if (isAtOnce) this.endpoints = source.endpoints;
    this.#take();
    this.#unsubscribe = source.subscribe(this.#take);
    this.started = source.started.then(() => this.whole);
  }

  /** Settles when all present endpoints of the source are here. */
  get whole(): Promise<void> | undefined {
    return this.#whole?.promise;
  }

  state() {
    return this.#source.state?.() ?? {};
  }

  subscribe(changed: () => void): () => void {
    const subscriber = { changed };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  close(): void {
    this.#unsubscribe();
    if (this.#next !== undefined) clearImmediate(this.#next);
    this.#whole?.resolve();
  }

  readonly #take = (): void => {
    if (this.#next !== undefined) clearImmediate(this.#next);
    this.#next = undefined;
    const { endpoints } = this.#source;
    const known = new Set(this.endpoints.map(({ key }) => key));
    let room = this.#newcomers;
    const here = endpoints.filter(({ key }) => known.has(key) || room-- > 0);
    const isWhole = here.length === endpoints.length;
    this.endpoints = isWhole ? endpoints : here;
    const begun = this.#clock.now();
    for (const { changed } of Array.from(this.#subscribers)) changed();
    if (isWhole) {
      this.#whole?.resolve();
      this.#whole = undefined;
      return;
    }
    const isFast = this.#clock.now() - begun < turnMs;
    this.#newcomers = isFast ? this.#newcomers * 2 : Math.max(1, this.#newcomers >> 1);
    this.#whole ??= Promise.withResolvers();
    this.#next = setImmediate(this.#take);
  };
}
