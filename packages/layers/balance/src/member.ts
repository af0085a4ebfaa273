import {
  type Classifier,
  type Clock,
  type Description,
  type Endpoint,
  type HealthSource,
  type HealthWatch,
  isReady,
  type Outcome,
  type Service,
} from "@pagoda/core";
import { type Either, isLeft } from "fp-ts/lib/Either.js";
import { Ramp, type SlowStart } from "./slow-start.ts";
import type { EndpointStatus } from "./status.ts";
import type { Candidate, Load, Strategy } from "./strategy.ts";

/** What all endpoints of a balancer have in common. */
export interface Terms<E extends Endpoint, Req, Res, Err> {
  readonly strategy: Pick<Strategy<never>, "load">;
  readonly health: readonly HealthSource<E>[];
  readonly slowStart: SlowStart | undefined;
  readonly classifier: Classifier;
  readonly clock: Clock;
  /**
   * Where a call goes on that has failed here; `undefined`: nowhere.
   *
   * @param tried Those that it went to before.
   */
  readonly elsewhere: (
    error: Err,
    request: Req,
    signal: AbortSignal | undefined,
    member: Member<E, Req, Res, Err>,
    tried: readonly Member<E, Req, Res, Err>[],
  ) => Promise<Either<Err, Res>> | undefined;
  /** The health of an endpoint has changed. */
  readonly healthChanged: (key: string, healthy: boolean) => void;
}

const none: readonly never[] = [];

/** An endpoint with its service, its health, and the calls under way. */
export class Member<E extends Endpoint, Req, Res, Err> implements Candidate {
  readonly key: string;
  readonly load: Load | undefined;
  weight = 1;
  pending = 0;
  healthy = true;
  /** The call that is being placed was here already. */
  isTried = false;
  readonly #service: Service<Req, Res, Err>;
  readonly #terms: Terms<E, Req, Res, Err>;
  readonly #watches: readonly (readonly [name: string, watch: HealthWatch])[] = [];
  readonly #learning: readonly NonNullable<HealthWatch["ended"]>[];
  readonly #ramp: Ramp | undefined;
  readonly #gone: () => void;
  #isGone = false;

  /** @param gone Runs once, when the endpoint has gone and its last call has ended. */
  constructor(
    endpoint: E,
    service: Service<Req, Res, Err>,
    gone: () => void,
    terms: Terms<E, Req, Res, Err>,
  ) {
    this.key = endpoint.key;
    this.load = terms.strategy.load?.(endpoint, terms.clock.now());
    this.#service = service;
    this.#gone = gone;
    this.#terms = terms;
    this.#ramp = terms.slowStart && new Ramp(terms.slowStart, terms.clock);
    const watches = terms.health.map(
      (source) => [source.name, source.watch(endpoint, this.#healthChanged)] as const,
    );
    this.#watches = watches;
    this.#learning = watches.flatMap(([, watch]) => watch.ended?.bind(watch) ?? []);
    this.healthy = this.#isHealthy();
    this.update(endpoint);
  }

  /** The endpoint is there, and perhaps of another weight. */
  update({ weight = 1 }: E): void {
    this.weight = weight;
  }

  startSlowly(): void {
    this.#ramp?.begin();
  }

  get share(): number {
    return this.#ramp === undefined ? 1 : this.#ramp.share;
  }

  isReady(): boolean {
    return !this.isTried && isReady(this.#service);
  }

  ready(): undefined | Promise<void> {
    return this.#service.ready();
  }

  /**
   * @param startedMs The clock's time, where the strategy measures.
   * @param tried Those that the call went to before.
   */
  call(
    request: Req,
    signal: AbortSignal | undefined,
    startedMs: number,
    tried: readonly Member<E, Req, Res, Err>[] = none,
  ): Promise<Either<Err, Res>> {
    this.load?.started(this.pending, startedMs);
    this.pending++;
    try {
      return this.#service.call(request, signal).then((result) => {
        try {
          if (this.load !== undefined || this.#learning.length > 0)
            this.#learn(result, startedMs, signal?.aborted === true);
        } finally {
          this.#over();
        }
        if (!isLeft(result)) return result;
        return this.#terms.elsewhere(result.left, request, signal, this, tried) ?? result;
      }, this.#broken);
    } catch (defect) {
      this.#over();
      return Promise.reject(defect);
    }
  }

  /** The endpoint has gone: the calls under way go on. */
  leave(): void {
    this.#isGone = true;
    for (const [, watch] of this.#watches) watch.close();
    if (this.pending === 0) this.#gone();
  }

  status(): EndpointStatus {
    const { key, healthy, pending, share } = this;
    return {
      key,
      healthy,
      ready: this.isReady(),
      pending,
      share,
      estimateMs: this.load?.estimateMs,
      health: this.#watches.map(([source, watch]) => ({
        source,
        healthy: watch.healthy,
        reason: watch.reason,
        state: watch.state(),
      })),
    };
  }

  describe(): Description {
    const { key, weight, pending, healthy, share } = this;
    return {
      name: "endpoint",
      options: { key, weight },
      state: {
        pending,
        ready: this.isReady(),
        healthy,
        ...(share < 1 && { share }),
        ...this.load?.state(),
        ...Object.fromEntries(this.#watches.map(([name, watch]) => [name, watch.state()])),
      },
      inner: [this.#service.describe()],
    };
  }

  #isHealthy(): boolean {
    return this.#watches.every(([, { healthy }]) => healthy);
  }

  readonly #healthChanged = (): void => {
    const healthy = this.#isHealthy();
    if (this.#isGone || healthy === this.healthy) return;
    this.healthy = healthy;
    if (healthy) this.startSlowly();
    this.#terms.healthChanged(this.key, healthy);
  };

  #learn(result: Either<Err, Res>, startedMs: number, wasAborted: boolean): void {
    const { classifier, clock } = this.#terms;
    const outcome = classifier.outcome(result);
    if (this.load !== undefined) {
      const now = clock.now();
      this.load.ended(outcome, now - startedMs, now, wasAborted);
    }
    if (this.#learns(result, outcome, startedMs)) return;
    for (const ended of this.#learning) ended(outcome);
  }

  /** A response that goes well so far says how well it went when its body has ended. */
  #learns(result: Either<Err, Res>, { kind }: Outcome, startedMs: number): boolean {
    const { classifier, clock } = this.#terms;
    if (kind !== "success" || isLeft(result) || classifier.follow === undefined) return false;
    return classifier.follow(result.right, (outcome) => {
      if (outcome.kind === "failure" && this.load !== undefined) {
        const now = clock.now();
        this.load.ended(outcome, now - startedMs, now, false);
      }
      for (const ended of this.#learning) ended(outcome);
    });
  }

  readonly #broken = (defect: unknown): never => {
    this.#over();
    throw defect;
  };

  #over(): void {
    this.pending--;
    if (this.#isGone && this.pending === 0) this.#gone();
  }
}
