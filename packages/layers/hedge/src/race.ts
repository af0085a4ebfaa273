import {
  abortError,
  type Classifier,
  type Clock,
  type Fault,
  Scope,
  type Service,
  type Timer,
} from "@pagoda/core";
import { type Either, isRight } from "fp-ts/lib/Either.js";

/** Which of the two calls. */
export type Which = "first" | "second";

/** What the races around one service have in common. */
export interface Rules<Req, Res, Err> {
  readonly inner: Service<Req, Res, Err>;
  readonly clock: Clock;
  readonly classifier: Classifier;
  /** Whether a second call may be made in this very tick. When it says so, it has paid for it. */
  readonly admit: (request: Req, signal: AbortSignal | undefined) => boolean;
  /** The first call would have taken at least so long to succeed. */
  readonly learn: (now: number, ms: number) => void;
  readonly hedged: (afterMs: number) => void;
  readonly won: (which: Which) => void;
}

const fault: Fault<"Superseded"> = { _tag: "Superseded", origin: "local", retryable: false };
/** Why the call that lost is aborted. */
const superseded = abortError("the other call has won", fault);

/**
 * One call, and a second one when the first takes longer than `delayMs`.
 *
 * The first answer ends it. A failure that a repetition may cure does not, for the other call is that same call made again
 * already; nor does what says nothing about the upstream, such as a refusal on this side. Then the other one is waited
 * for. What is passed over is dropped at once, for a response may hold a connection.
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
  /** Each is here while its call is under way. */
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
    this.#rules.hedged(this.#rules.clock.now() - this.#startedAt);
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
    // A refusal on this side says nothing of how long the upstream takes; that the caller did not wait longer does.
    if (which === "first" && (kind !== "neutral" || this.#signal?.aborted)) this.#learn(success);
    this.#scopes[which]?.end();
    this.#scopes[which] = undefined;
    const { first, second } = this.#scopes;
    if (!success && (retryable || kind === "neutral") && (first ?? second) !== undefined) {
      this.#drop(result);
      return;
    }
    // The first call is cut off: it would have taken at least so long.
    if (first !== undefined) this.#learn(true);
    if (success && this.#hedged) this.#rules.won(which);
    this.#resolve(result);
    this.#end();
  }

  /** A mistake in the program ends it all. */
  #break(defect: unknown): void {
    this.#reject(defect);
    this.#end();
  }

  /** Without success it only shows that this would have taken longer, which is news once it is over the delay. */
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
