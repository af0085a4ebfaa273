import {
  checkDuration,
  type Clock,
  discardResponse,
  type Either,
  type Fault,
  isRight,
  layer,
  type Layer,
  left,
  Scope,
  type Service,
  systemClock,
  timeoutError,
} from "@pagoda/core";
import { Deadline, Deadlines } from "./deadlines.ts";

/**
 * No answer in time. Counts against the upstream, unless this process was stalled when the time ran
 * out. Then the origin is `local`.
 */
export interface TimedOut extends Fault<"TimedOut"> {
  readonly afterMs: number;
}

/** Receives events, for metrics and logs. Must not throw. */
export interface TimeoutObserver<in Req = unknown> {
  /** A call timed out after `afterMs` milliseconds. */
  readonly timedOut?: (afterMs: number, request: Req) => void;
}

export interface TimeoutOptions<Req> {
  /** Time limit of a call: milliseconds, over 0, at most 2,147,483,647. */
  readonly ms: number;
  /**
   * Controls when the time counts: `start` starts it from zero, `stop` stops it. Default: it starts
   * with the call. For large HTTP uploads, `body.watch` reports when the client is the slow side;
   * see the README.
   */
  readonly startWhen?: (request: Req, start: () => void, stop: () => void) => void;
  readonly observer?: TimeoutObserver<Req>;
  readonly clock?: Clock;
}

/**
 * Limits the time from a call to its answer. On expiry the call ends with {@link TimedOut}, the
 * inner call is aborted (with a `TimeoutError` whose cause is the fault) and its late result
 * discarded. The rest of the response body is not limited. Inner layers see the deadline
 * (`deadlineOf`) and start nothing that cannot end before it.
 *
 * Outside a retry it bounds all attempts together, inside one each attempt.
 *
 * Cost: an `AbortController` per call, about 0.5 µs; one timer for all calls in flight.
 *
 * @throws RangeError if `ms` is out of range.
 */
export function timeout<Req = unknown>({
  ms,
  startWhen,
  observer,
  clock = systemClock,
}: TimeoutOptions<Req>): Layer<Req, unknown, TimedOut> {
  checkDuration("timeout: ms", ms);
  const timedOut: TimedOut = { _tag: "TimedOut", origin: "upstream", retryable: true, afterMs: ms };
  const terms: Terms<Req> = {
    deadlines: new Deadlines(clock, ms),
    timedOut,
    reason: timeoutError(`no answer within ${ms} ms`, timedOut),
    startWhen,
    observer,
  };

  return layer<Req, unknown, TimedOut>({ name: "timeout", unguarded: true }, (inner) => ({
    options: { ms },
    call: (request, signal) =>
      new Promise((resolve, reject) => {
        new TimedCall(terms, request, signal, resolve, reject).run(inner);
      }),
  }));
}

/** Shared by all calls of a layer. */
interface Terms<Req> {
  readonly deadlines: Deadlines;
  readonly timedOut: TimedOut;
  /** Creating it costs more than the rest of a call. */
  readonly reason: DOMException;
  readonly startWhen: TimeoutOptions<Req>["startWhen"] | undefined;
  readonly observer: TimeoutObserver<Req> | undefined;
}

class TimedCall<Req, Res, Err> extends Deadline {
  readonly #terms: Terms<Req>;
  readonly #request: Req;
  readonly #scope: Scope;
  readonly #resolve: (result: Either<Err | TimedOut, Res>) => void;
  readonly #reject: (defect: unknown) => void;
  #isOpen = true;

  constructor(
    terms: Terms<Req>,
    request: Req,
    signal: AbortSignal | undefined,
    resolve: (result: Either<Err | TimedOut, Res>) => void,
    reject: (defect: unknown) => void,
  ) {
    super();
    this.#terms = terms;
    this.#request = request;
    this.#scope = new Scope(signal);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  run(inner: Service<Req, Res, Err>): void {
    const { startWhen } = this.#terms;
    const request = this.#request;
    try {
      if (startWhen === undefined) this.#start();
      else
        startWhen(
          request,
          () => this.#start(),
          () => this.#stop(),
        );
      inner.call(request, this.#scope.signal).then(
        (result) => this.#answered(result),
        (defect: unknown) => this.#failed(defect),
      );
    } catch (defect) {
      this.#failed(defect);
    }
  }

  expire(wasHeldUp: boolean): void {
    const { timedOut, reason, observer } = this.#terms;
    this.#close();
    const fault: TimedOut = wasHeldUp ? { ...timedOut, origin: "local" } : timedOut;
    this.#resolve(left(fault));
    this.#scope.abort(wasHeldUp ? timeoutError(reason.message, fault) : reason);
    observer?.timedOut?.(fault.afterMs, this.#request);
  }

  #start(): void {
    if (!this.#isOpen || this.isSet) return;
    this.#terms.deadlines.set(this);
    this.#scope.deadline = this.at;
  }

  #stop(): void {
    if (!this.isSet) return;
    this.#terms.deadlines.clear(this);
    this.#scope.deadline = undefined;
  }

  #answered(result: Either<Err, Res>): void {
    // Inner answered despite the abort; nothing will read the response.
    if (!this.#isOpen && isRight(result)) discardResponse(result.right);
    this.#close();
    this.#resolve(result);
  }

  #failed(defect: unknown): void {
    this.#close();
    this.#reject(defect);
  }

  #close(): void {
    this.#isOpen = false;
    this.#terms.deadlines.clear(this);
    this.#scope.end();
  }
}
