import { type Clock, isLeft, Scope, type Service, timeoutError, type Timer } from "@pagoda/core";
import type { BodyFlow, HttpRequest, HttpResponse } from "@pagoda/http";

/** Settings and callbacks of a {@link ShadowCall}. The callbacks must not throw. */
export interface Keeper {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  answered(response: HttpResponse, ms: number): void;
  failed(error: unknown, ms: number, isTimeout: boolean): void;
  /** The call is over and the `held` bytes of its body can be freed. Called once. */
  over(held: number): void;
}

/**
 * One call of the shadow. Its response is read to its end and discarded, so that the connection can
 * be reused. A response longer than `maxResponseBytes` is cancelled.
 *
 * The call is over when the response has ended, or when the service has settled after a timeout. A
 * call that does not settle stays in flight.
 */
export class ShadowCall {
  readonly #keeper: Keeper;
  readonly #held: number;
  readonly #scope = new Scope(undefined);
  readonly #startedAt: number;
  readonly #timer: Timer;
  #flow: BodyFlow | undefined;
  #left: number;
  #isTimeout = false;
  #isOver = false;

  /** @param held Size of the copied request body in bytes. */
  constructor(keeper: Keeper, held: number) {
    const { clock, timeoutMs } = keeper;
    this.#keeper = keeper;
    this.#held = held;
    this.#left = keeper.maxResponseBytes;
    this.#startedAt = clock.now();
    this.#scope.deadline = this.#startedAt + timeoutMs;
    this.#timer = clock.setTimer(timeoutMs, this.#timedOut);
  }

  make<Req extends HttpRequest>(to: Service<Req, HttpResponse, unknown>, request: Req): void {
    try {
      to.call(request, this.#scope.signal).then((result) => {
        if (isLeft(result)) this.#failed(result.left);
        else this.#answered(result.right);
      }, this.#failed);
    } catch (defect) {
      this.#failed(defect);
    }
  }

  #answered(response: HttpResponse): void {
    try {
      if (this.#isTimeout) {
        response.body.cancel();
        this.#failed(this.#scope.signal.reason);
        return;
      }
      this.#keeper.answered(response, this.#ms());
      this.#drain(response);
    } catch (defect) {
      this.#failed(defect);
    }
  }

  #drain({ body }: HttpResponse): void {
    if ((body.length ?? 0) > this.#left) {
      body.cancel();
      this.#end();
      return;
    }
    const flow = body.pipe({
      write: (chunk) => {
        this.#left -= chunk.length;
        if (this.#left < 0) this.#stop();
        return this.#left >= 0;
      },
      end: this.#end,
      fail: this.#end,
    });
    // The body may have ended, or exceeded the limit, before there was a flow to cancel.
    if (this.#isOver) flow.cancel();
    else this.#flow = flow;
  }

  #stop(): void {
    this.#flow?.cancel();
    this.#end();
  }

  readonly #timedOut = (): void => {
    this.#isTimeout = true;
    if (this.#flow !== undefined) this.#stop();
    this.#scope.abort(timeoutError(`shadow call did not end within ${this.#keeper.timeoutMs} ms`));
  };

  readonly #failed = (error: unknown): void => {
    if (this.#isOver) return;
    this.#keeper.failed(error, this.#ms(), this.#isTimeout);
    this.#end();
  };

  readonly #end = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#flow = undefined;
    this.#keeper.clock.clearTimer(this.#timer);
    this.#keeper.over(this.#held);
  };

  #ms(): number {
    return this.#keeper.clock.now() - this.#startedAt;
  }
}
