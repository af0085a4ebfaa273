import type { Clock } from "./clock.ts";
import type { Json } from "./description.ts";
import { type Discovery, type Endpoint, endpointsProblem } from "./discovery.ts";
import { type Either, left, right } from "./either.ts";
import type { Fault } from "./fault.ts";

/** The source was closed before the first answer. */
export interface SourceClosed extends Fault<"SourceClosed"> {
  readonly origin: "local";
  readonly retryable: false;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface SourceObserver<in E extends Endpoint, in F extends Fault> {
  /** The endpoints or their weights changed. Called before the subscribers. */
  readonly changed?: (endpoints: readonly E[]) => void;
  /** Discovery failed, completely or in part; the last good answer is kept. */
  readonly failed?: (fault: F) => void;
}

/**
 * Endpoints that are refreshed continuously. It starts when it is made, and has no endpoints until
 * the first answer. From then on `endpoints` is the last good answer, sorted by key.
 *
 * It keeps its process running until it is closed.
 */
export interface EndpointSource<
  out E extends Endpoint = Endpoint,
  out F extends Fault = Fault,
> extends Discovery<E> {
  /**
   * Settles with the first answer or failure; after a failure the source keeps trying. With
   * `initial` it is settled from the start. Never rejects. Awaiting it is optional: a balancer
   * without endpoints is not ready until they arrive.
   */
  readonly started: Promise<Either<F | SourceClosed, readonly E[]>>;
  /**
   * Why the last lookup failed, such as `ENOTFOUND for shop.example`; `undefined` if it succeeded.
   */
  readonly lastError: string | undefined;
  state(): { readonly [name: string]: Json };
  /**
   * Ends it: no timers, watches or queries are left, and no more callbacks are made. `endpoints` is
   * kept.
   */
  close(): void;
}

const closed: SourceClosed = { _tag: "SourceClosed", origin: "local", retryable: false };

/**
 * The common part of all sources: subscribers, changes, the first result, the last failure. For
 * writing a {@link EndpointSource}; its endpoints are plain data.
 */
export class EndpointPublisher<E extends Endpoint, F extends Fault> {
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
   * @param initial Endpoints until the first answer.
   * @throws RangeError when they are invalid.
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

  /** The last failure, unless there was a success since. */
  get fault(): F | undefined {
    return this.#fault;
  }

  subscribe(changed: () => void): () => void {
    // One object per subscription, since the same function may subscribe twice.
    const subscriber = { changed };
    if (!this.#isClosed) this.#subscribers.add(subscriber);
    return () => {
      this.#subscribers.delete(subscriber);
    };
  }

  /**
   * Publishes an answer.
   *
   * @param fault What the answer lacks, if anything. The same object as before is not reported
   * again.
   */
  succeeded(endpoints: readonly E[], fault?: F): void {
    this.#succeededMs = this.#clock.now();
    const isNew = fault !== undefined && fault !== this.#fault;
    this.#fault = fault;
    const isChanged = this.#set(endpoints);
    this.#settleStarted(right(this.#endpoints));
    if (isNew) this.#observer?.failed?.(fault);
    if (isChanged) this.#notify();
  }

  /**
   * Reports a failure.
   *
   * @param endpoints The endpoints from now on; by default the previous ones.
   */
  failed(fault: F, endpoints: readonly E[] = this.#endpoints): void {
    this.#fault = fault;
    const isChanged = this.#set(endpoints);
    this.#settleStarted(left(fault));
    this.#observer?.failed?.(fault);
    if (isChanged) this.#notify();
  }

  close(): void {
    this.#isClosed = true;
    this.#subscribers.clear();
    this.#settleStarted(left(closed));
  }

  /** State for `describe()`: milliseconds since the last success, `null` before the first. */
  state(): { readonly sinceSuccessMs: number | null } {
    const at = this.#succeededMs;
    return { sinceSuccessMs: at === undefined ? null : this.#clock.now() - at };
  }

  #set(endpoints: readonly E[]): boolean {
    const sorted = endpoints.toSorted(({ key: a }, { key: b }) => (a < b ? -1 : a > b ? 1 : 0));
    if (isSame(sorted, this.#endpoints)) return false;
    this.#endpoints = sorted;
    return true;
  }

  #notify(): void {
    // The observer may close the source, and a subscriber may end its own subscription or
    // another's.
    this.#observer?.changed?.(this.#endpoints);
    for (const subscriber of Array.from(this.#subscribers)) {
      if (this.#subscribers.has(subscriber)) subscriber.changed();
    }
  }
}

/** Whether plain data is the same. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(fieldOf(a, name), fieldOf(b, name)))
  );
}

function fieldOf(value: object, name: string): unknown {
  return (value as Readonly<Record<string, unknown>>)[name];
}
