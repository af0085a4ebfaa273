import { type Either, isRight, left } from "./either.ts";
import { type Aborted, aborted } from "./fault.ts";
import { discardResponse } from "./http-response.ts";
import { deadlineOf, Scope } from "./scope.ts";

/**
 * One call with several callers, for layers that merge calls. All callers get the same result. A
 * caller that aborts gets {@link Aborted} at once; when the last one leaves, the call is aborted in
 * the same tick. Its deadline is the latest of all callers that have joined so far.
 *
 * Cost: about 0.6 µs, and 0.2 µs for each caller that joins.
 */
export class SharedCall<Res, Err> {
  readonly #callers = new Set<Caller<Res, Err>>();
  readonly #scope = new Scope(undefined);
  readonly #onEnd: () => void;

  readonly #discard: (response: Res) => void;

  /**
   * @param onEnd Runs once, when the call can no longer be joined, before callers or inner are
   * notified.
   * @param discard Frees a response that came after all callers had left. Default:
   * {@link discardResponse}.
   */
  constructor(onEnd: () => void, discard: (response: Res) => void = discardResponse) {
    this.#onEnd = onEnd;
    this.#discard = discard;
  }

  /** Number of callers that wait for the result. */
  get callers(): number {
    return this.#callers.size;
  }

  /**
   * Makes the call, after the first caller has joined.
   *
   * @param call Makes it on behalf of all callers, with a signal of its own.
   */
  start(call: (signal: AbortSignal) => Promise<Either<Err, Res>>): void {
    const end = (how: (caller: Caller<Res, Err>) => void): void => {
      // All callers have left, and new ones may already share another call.
      if (this.#callers.size === 0) return;
      this.#onEnd();
      for (const caller of this.#callers) {
        caller.signal?.removeEventListener("abort", caller.onAbort);
        how(caller);
      }
    };
    const fail = (defect: unknown): void => end((caller) => caller.reject(defect));
    try {
      call(this.#scope.signal).then((result) => {
        // Inner responded after all callers had left: nobody will read the response.
        if (this.#callers.size === 0 && isRight(result)) this.#discard(result.right);
        end((caller) => caller.resolve(result));
      }, fail);
    } catch (defect) {
      fail(defect);
    }
  }

  /** Adds a caller and returns its result. The call must not have ended. */
  join(signal: AbortSignal | undefined): Promise<Either<Err | Aborted, Res>> {
    const deadline = deadlineOf(signal);
    const known = this.#callers.size === 0 ? deadline : this.#scope.deadline;
    // The latest deadline wins, and none is later than any.
    this.#scope.deadline =
      known === undefined || deadline === undefined ? undefined : Math.max(known, deadline);
    const caller = new Caller<Res, Err>(signal, this);
    this.#callers.add(caller);
    signal?.addEventListener("abort", caller.onAbort);
    return caller.promise;
  }

  /** @internal */
  leave(caller: Caller<Res, Err>, reason: unknown): void {
    this.#callers.delete(caller);
    if (this.#callers.size > 0) return;
    this.#onEnd();
    this.#scope.abort(reason);
  }
}

class Caller<Res, Err> {
  readonly promise: Promise<Either<Err | Aborted, Res>>;
  readonly resolve: (result: Either<Err | Aborted, Res>) => void;
  readonly reject: (defect: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly #call: SharedCall<Res, Err>;

  constructor(signal: AbortSignal | undefined, call: SharedCall<Res, Err>) {
    const { promise, resolve, reject } = Promise.withResolvers<Either<Err | Aborted, Res>>();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
    this.signal = signal;
    this.#call = call;
  }

  readonly onAbort = (): void => {
    const signal = this.signal as AbortSignal;
    signal.removeEventListener("abort", this.onAbort);
    this.resolve(left(aborted(signal)));
    this.#call.leave(this, signal.reason);
  };
}
