import { type Clock, Scope, type Service, timeoutError, type Timer } from "@pagoda/core";
import type { BodyFlow, HttpRequest, HttpResponse } from "@pagoda/http";
import { isLeft } from "fp-ts/lib/Either.js";

/** Whom a {@link ShadowCall} tells how it goes. None of these throws. */
export interface Keeper {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  answered(response: HttpResponse, ms: number): void;
  failed(error: unknown, ms: number, isTimeout: boolean): void;
  /** It is over, and has given back the `held` bytes of its body. Once. */
  over(held: number): void;
}

/**
 * One call of the shadow. Its response is read to its end and thrown away, so that the connection can be used again; one
 * that is longer than `maxResponseBytes` is cancelled.
 *
 * It is over when the response has ended, or when the service has settled after its time was over. One that does not
 * settle then keeps its place: the calls that are counted are those that are there.
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

  /** @param held Bytes that the copy of the request's body takes. */
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
    // All may have come, or too much, before there was a flow to cancel.
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
    this.#scope.abort(timeoutError(`the shadow did not end within ${this.#keeper.timeoutMs} ms`));
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
