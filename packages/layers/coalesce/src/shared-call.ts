import {
  type Aborted,
  aborted,
  deadlineOf,
  discardResponse,
  type Either,
  isRight,
  left,
  Scope,
} from "@pagoda/core";

/** One call with several callers. It is aborted when all of them have left. */
export class SharedCall<Res, Err> {
  readonly #callers = new Set<Caller<Res, Err>>();
  readonly #scope = new Scope(undefined);
  readonly #onEnd: () => void;

  /**
   * @param onEnd Runs once, when the call can no longer be joined, before callers or inner are
   * notified.
   */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get callers(): number {
    return this.#callers.size;
  }

  /** @param call Makes the call on behalf of all callers. */
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
        if (this.#callers.size === 0 && isRight(result)) discardResponse(result.right);
        end((caller) => caller.resolve(result));
      }, fail);
    } catch (defect) {
      fail(defect);
    }
  }

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
