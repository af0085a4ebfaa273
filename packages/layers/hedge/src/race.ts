import {
  abortError,
  type Classifier,
  type Clock,
  type Either,
  type Fault,
  isRight,
  Scope,
  type Service,
  type Timer,
} from "@pagoda/core";

/** Which of the two calls. */
export type Which = "first" | "second";

/** Shared by all races around one service. */
export interface Rules<Req, Res, Err> {
  readonly inner: Service<Req, Res, Err>;
  readonly clock: Clock;
  readonly classifier: Classifier;
  /**
   * Whether a second call may be made in this tick. If true, it has been withdrawn from the budget.
   */
  readonly admit: (request: Req, signal: AbortSignal | undefined) => boolean;
  /** Records that the first call took at least this long to succeed. */
  readonly learn: (now: number, ms: number) => void;
  readonly hedged: (afterMs: number, request: Req) => void;
  readonly won: (which: Which, request: Req) => void;
}

const fault: Fault<"Superseded"> = { _tag: "Superseded", origin: "local", retryable: false };
/** Abort reason of the losing call. */
const superseded = abortError("the other call won", fault);

/**
 * One call, and a second one if the first takes longer than `delayMs`.
 *
 * The first answer ends the race. A retryable failure does not, because the other call already is
 * the retry; nor does a result that says nothing about the upstream, such as a local refusal. The
 * race then waits for the other call. Ignored responses are discarded at once, since a response may
 * hold a connection.
 */
export class Race<Req, Res, Err> {
  readonly promise: Promise<Either<Err, Res>>;
  readonly #rules: Rules<Req, Res, Err>;
  readonly #request: Req;
  readonly #signal: AbortSignal | undefined;
  readonly #startedAt: number;
  readonly #delayMs: number;
  readonly #resolve: (result: Either<Err, Res>) => void;
  readonly #reject: (defect: unknown) => void;
  /** Scopes of the calls in flight. */
  readonly #scopes: { first: Scope | undefined; second: Scope | undefined };
  #timer: Timer | undefined;
  #hedged = false;
  #over = false;

  constructor(
    rules: Rules<Req, Res, Err>,
    request: Req,
    signal: AbortSignal | undefined,
    startedAt: number,
    delayMs: number,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<Either<Err, Res>>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#rules = rules;
    this.#request = request;
    this.#signal = signal;
    this.#startedAt = startedAt;
    this.#delayMs = delayMs;
    this.#timer = rules.clock.setTimer(delayMs, () => this.#double());
    const scope = new Scope(signal, () => this.#clearTimer());
    this.#scopes = { first: scope, second: undefined };
    this.#run("first", scope);
  }

  #double(): void {
    this.#timer = undefined;
    try {
      if (!this.#rules.admit(this.#request, this.#signal)) return;
    } catch (defect) {
      this.#break(defect);
      return;
    }
    this.#hedged = true;
    this.#rules.hedged(this.#rules.clock.now() - this.#startedAt, this.#request);
    this.#run("second", (this.#scopes.second = new Scope(this.#signal)));
  }

  #run(which: Which, { signal }: Scope): void {
    try {
      this.#rules.inner
        .call(this.#request, signal)
        .then((result) => this.#answer(which, result))
        .catch((defect: unknown) => this.#break(defect));
    } catch (defect) {
      this.#break(defect);
    }
  }

  #answer(which: Which, result: Either<Err, Res>): void {
    if (this.#over) {
      this.#drop(result);
      return;
    }
    const { kind, retryable } = this.#rules.classifier.outcome(result);
    const success = kind === "success";
    // A local refusal says nothing about the upstream's latency, but a caller that gave up does.
    if (which === "first" && (kind !== "neutral" || this.#signal?.aborted)) this.#learn(success);
    this.#scopes[which]?.end();
    this.#scopes[which] = undefined;
    const { first, second } = this.#scopes;
    if (!success && (retryable || kind === "neutral") && (first ?? second) !== undefined) {
      this.#drop(result);
      return;
    }
    // The first call is aborted; it would have taken at least this long.
    if (first !== undefined) this.#learn(true);
    if (success && this.#hedged) this.#rules.won(which, this.#request);
    this.#resolve(result);
    this.#end();
  }

  /** A defect ends both calls. */
  #break(defect: unknown): void {
    this.#reject(defect);
    this.#end();
  }

  /**
   * Without success the time is only a lower bound, which is informative once it exceeds the delay.
   */
  #learn(certain: boolean): void {
    const now = this.#rules.clock.now();
    const ms = now - this.#startedAt;
    if (certain || ms >= this.#delayMs) this.#rules.learn(now, ms);
  }

  #drop(result: Either<Err, Res>): void {
    if (isRight(result)) this.#rules.classifier.discard(result.right);
  }

  #end(): void {
    this.#over = true;
    this.#clearTimer();
    this.#scopes.first?.abort(superseded);
    this.#scopes.second?.abort(superseded);
  }

  #clearTimer(): void {
    if (this.#timer === undefined) return;
    this.#rules.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
