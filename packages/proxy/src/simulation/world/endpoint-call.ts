import { type Aborted, aborted, type Either, left } from "@pagoda/core";
import type { HttpResponse, TransportFault } from "@pagoda/http";

export type Result = Either<TransportFault | Aborted, HttpResponse>;

/** A call of a simulated endpoint. It is over when its caller gives up, but the endpoint continues with it. */
export class EndpointCall {
  readonly promise: Promise<Result>;
  /** Its response, if the endpoint had it ready but hangs. */
  late: HttpResponse | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (result: Result) => void;

  constructor(signal: AbortSignal | undefined) {
    const { promise, resolve } = Promise.withResolvers<Result>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
  }

  settle(result: Result): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#resolve(result);
  }

  readonly #onAbort = (): void => this.settle(left(aborted(this.#signal as AbortSignal)));
}
