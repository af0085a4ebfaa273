import { isDeepStrictEqual } from "node:util";
import {
  type Clock,
  type Discovery,
  type Endpoint,
  endpointsProblem,
  type Fault,
  type Json,
} from "@pagoda/core";
import { type Either, left, right } from "fp-ts/lib/Either.js";

/** The source was closed before it had learned anything. */
export interface SourceClosed extends Fault<"SourceClosed"> {
  readonly origin: "local";
  readonly retryable: false;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface SourceObserver<in E extends Endpoint, in F extends Fault> {
  /** There are others now, or one has another weight; before the subscribers hear of it. */
  readonly changed?: (endpoints: readonly E[]) => void;
  /** What there is could not be learned, in whole or in part: the last good answer stays. */
  readonly failed?: (fault: F) => void;
}

/**
 * Endpoints that are looked up again and again. It begins when it is made and has none until the first answer. From
 * then on `endpoints` is the last good answer, in the order of the keys.
 *
 * It keeps its process running: who needs it no longer closes it.
 */
export interface Source<out E extends Endpoint = Endpoint, out F extends Fault = Fault> extends Discovery<E> {
  /**
   * Settles with the first answer, or with the first failure; after that one it goes on trying. With `initial` it has
   * settled with that from the beginning. Never rejects.
   * Waiting for it is up to the program: a balancer without endpoints is not ready until they come.
   */
  readonly started: Promise<Either<F | SourceClosed, readonly E[]>>;
  /** Why the last look-up failed: `ENOTFOUND for shop.example`; `undefined`: it did not. */
  readonly lastError: string | undefined;
  state(): { readonly [name: string]: Json };
  /** Ends it: no timer, no watch and no query is left, and nobody is called any more. `endpoints` stays as it is. */
  close(): void;
}

const closed: SourceClosed = { _tag: "SourceClosed", origin: "local", retryable: false };

/** What all sources share: who subscribed, what has changed, what came first, what failed last. */
export class Publisher<E extends Endpoint, F extends Fault> {
  readonly started: Promise<Either<F | SourceClosed, readonly E[]>>;
  readonly #settleStarted: (first: Either<F | SourceClosed, readonly E[]>) => void;
  readonly #clock: Clock;
  readonly #observer: SourceObserver<E, F> | undefined;
  readonly #subscribers = new Set<{ readonly changed: () => void }>();
  #endpoints: readonly E[] = [];
  #fault: F | undefined;
  #succeededMs: number | undefined;
  #isClosed = false;

  /**
   * @param initial What there is until the first answer.
   * @throws RangeError when that makes no sense.
   */
  constructor(clock: Clock, observer: SourceObserver<E, F> | undefined, initial: readonly E[] = []) {
    const problem = endpointsProblem(initial);
    if (problem !== undefined) throw new RangeError(`initial: ${problem}`);
    const { promise, resolve } = Promise.withResolvers<Either<F | SourceClosed, readonly E[]>>();
    this.started = promise;
    this.#settleStarted = resolve;
    this.#clock = clock;
    this.#observer = observer;
    if (this.#set(initial)) resolve(right(this.#endpoints));
  }

  get endpoints(): readonly E[] {
    return this.#endpoints;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What failed last, unless a success has come since. */
  get fault(): F | undefined {
    return this.#fault;
  }

  subscribe(changed: () => void): () => void {
    // An object of its own for each: the same function may subscribe twice.
    const subscriber = { changed };
    if (!this.#isClosed) this.#subscribers.add(subscriber);
    return () => {
      this.#subscribers.delete(subscriber);
    };
  }

  /**
   * An answer has come.
   *
   * @param fault What was missing in it, if anything; the same object as before is not told again.
   */
  succeeded(endpoints: readonly E[], fault?: F): void {
    this.#succeededMs = this.#clock.now();
    const isNew = fault !== undefined && fault !== this.#fault;
    this.#fault = fault;
    const isChanged = this.#set(endpoints);
    this.#settleStarted(right(this.#endpoints));
    if (isNew) this.#observer?.failed?.(fault);
    if (isChanged) this.#tell();
  }

  /**
   * No answer has come.
   *
   * @param endpoints What there is nevertheless from now on; by default what there was.
   */
  failed(fault: F, endpoints: readonly E[] = this.#endpoints): void {
    this.#fault = fault;
    const isChanged = this.#set(endpoints);
    this.#settleStarted(left(fault));
    this.#observer?.failed?.(fault);
    if (isChanged) this.#tell();
  }

  close(): void {
    this.#isClosed = true;
    this.#subscribers.clear();
    this.#settleStarted(left(closed));
  }

  /** Milliseconds since the last success; `null` before the first. */
  state(): { readonly sinceSuccessMs: number | null } {
    const at = this.#succeededMs;
    return { sinceSuccessMs: at === undefined ? null : this.#clock.now() - at };
  }

  #set(endpoints: readonly E[]): boolean {
    const sorted = endpoints.toSorted(({ key: a }, { key: b }) => (a < b ? -1 : a > b ? 1 : 0));
    if (isDeepStrictEqual(sorted, this.#endpoints)) return false;
    this.#endpoints = sorted;
    return true;
  }

  #tell(): void {
    // The observer may close the source, and a subscriber may end its own subscription or another's.
    this.#observer?.changed?.(this.#endpoints);
    for (const subscriber of Array.from(this.#subscribers)) {
      if (this.#subscribers.has(subscriber)) subscriber.changed();
    }
  }
}
