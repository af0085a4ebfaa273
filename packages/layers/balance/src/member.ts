import {
  type Classifier,
  type Clock,
  type Description,
  type Either,
  type Endpoint,
  type HealthSource,
  type HealthWatch,
  isLeft,
  isReady,
  type Outcome,
  type Service,
  withoutGuard,
} from "@pagoda/core";
import type { EndpointHistory, EndpointRecord } from "./history.ts";
import { Ramp, type SlowStart } from "./slow-start.ts";
import type { EndpointStatus } from "./status.ts";
import type { Candidate, Load, Strategy } from "./strategy.ts";

/** Shared by all endpoints of a balancer. */
export interface MemberContext<E extends Endpoint, Req, Res, Err> {
  readonly strategy: Pick<Strategy<never>, "name" | "options" | "load">;
  readonly health: readonly HealthSource<E>[];
  readonly slowStart: SlowStart | undefined;
  readonly history: EndpointHistory;
  readonly classifier: Classifier;
  readonly clock: Clock;
  /**
   * Resends a failed call to another endpoint; returns `undefined` if it must not be resent.
   *
   * @param tried Endpoints that it was sent to before.
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
  /** Which endpoints may get calls has changed. */
  readonly changed: () => void;
}

const none: readonly never[] = [];

/** An endpoint with its service, health and calls in flight. */
export class Member<E extends Endpoint, Req, Res, Err> implements Candidate {
  readonly key: string;
  readonly load: Load | undefined;
  weight = 1;
  pending = 0;
  healthy = true;
  /** It gets no calls even in a panic. */
  withdrawn = false;
  /** Whether the call being resent has already been here. */
  isTried = false;
  readonly #service: Service<Req, Res, Err>;
  readonly #context: MemberContext<E, Req, Res, Err>;
  readonly #watches: readonly (readonly [name: string, watch: HealthWatch])[] = [];
  /** Those that learn from outcomes. */
  readonly #learning: readonly HealthWatch[];
  readonly #ramp: Ramp | undefined;
  readonly #record: EndpointRecord;
  readonly #gone: () => void;
  #isGone = false;

  /** @param gone Runs once, when the endpoint has been removed and its last call has ended. */
  constructor(
    endpoint: E,
    service: Service<Req, Res, Err>,
    gone: () => void,
    context: MemberContext<E, Req, Res, Err>,
  ) {
    const { strategy, clock, slowStart, history } = context;
    this.key = endpoint.key;
    this.#record = history.hold(endpoint.key);
    const measure = strategy.load;
    if (measure !== undefined)
      this.load = this.#record.loadFor(JSON.stringify([strategy.name, strategy.options]), () =>
        measure(endpoint, clock.now()),
      );
    this.#service = withoutGuard(service);
    this.#gone = gone;
    this.#context = context;
    this.#ramp = slowStart && new Ramp(slowStart, clock, this.#record);
    const watches = context.health.map(
      (source) => [source.name, source.watch(endpoint, this.#healthChanged)] as const,
    );
    this.#watches = watches;
    this.#learning = watches.map(([, watch]) => watch).filter(({ ended }) => ended !== undefined);
    this.healthy = this.#isHealthy();
    this.withdrawn = this.#isWithdrawn();
    if (this.healthy) this.#record.wasHealthy = true;
    this.update(endpoint);
  }

  /** Updates the endpoint after a change of the list. */
  update({ weight = 1 }: E): void {
    this.weight = weight;
  }

  /** Not known to another balancer. */
  get isNew(): boolean {
    return this.#record.holders === 1;
  }

  startSlowly(): void {
    this.#record.beganMs = this.#context.clock.now();
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
   * @param startedMs The present time, if the strategy measures.
   * @param tried Endpoints that the call was sent to before.
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
            this.#learn(result, startedMs, signal?.aborted === true, request);
        } finally {
          this.#over();
        }
        if (!isLeft(result)) return result;
        return this.#context.elsewhere(result.left, request, signal, this, tried) ?? result;
      }, this.#broken);
    } catch (defect) {
      this.#over();
      return Promise.reject(defect);
    }
  }

  /** Removes the endpoint; calls in flight continue. */
  leave(): void {
    this.#isGone = true;
    this.#context.history.release(this.key, this.#record);
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
        ...Object.fromEntries(
          this.#watches
            .map(([name, watch]) => [name, watch.state()] as const)
            .filter(([, state]) => Object.keys(state).length > 0),
        ),
      },
      inner: [this.#service.describe()],
    };
  }

  #isHealthy(): boolean {
    return this.#watches.every(([, { healthy }]) => healthy);
  }

  #isWithdrawn(): boolean {
    return this.#watches.some(([, { withdrawn = false }]) => withdrawn);
  }

  readonly #healthChanged = (): void => {
    const healthy = this.#isHealthy();
    const withdrawn = this.#isWithdrawn();
    if (this.#isGone || (healthy === this.healthy && withdrawn === this.withdrawn)) return;
    this.withdrawn = withdrawn;
    this.#context.changed();
    if (healthy === this.healthy) return;
    this.healthy = healthy;
    // Another balancer may have found it healthy before this one's first check.
    if (healthy && !this.#record.wasHealthy) this.startSlowly();
    this.#record.wasHealthy = healthy;
    this.#context.healthChanged(this.key, healthy);
  };

  #learn(result: Either<Err, Res>, startedMs: number, wasAborted: boolean, request: Req): void {
    const { classifier, clock } = this.#context;
    const outcome = classifier.outcome(result);
    if (this.load !== undefined) {
      const now = clock.now();
      this.load.ended(outcome, now - startedMs, now, wasAborted);
    }
    if (this.#learns(result, outcome, startedMs, request)) return;
    this.#tell(outcome, request);
  }

  /**
   * Returns whether the outcome of a successful response is decided only at the end of its body.
   */
  #learns(result: Either<Err, Res>, { kind }: Outcome, startedMs: number, request: Req): boolean {
    const { classifier, clock } = this.#context;
    if (kind !== "success" || isLeft(result) || classifier.follow === undefined) return false;
    return classifier.follow(result.right, (outcome) => {
      if (outcome.kind === "failure" && this.load !== undefined) {
        const now = clock.now();
        this.load.ended(outcome, now - startedMs, now, false);
      }
      this.#tell(outcome, request);
    });
  }

  #tell(outcome: Outcome, request: Req): void {
    for (const watch of this.#learning) watch.ended?.(outcome, request);
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
