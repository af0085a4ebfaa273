import { type Readiness, WaitList } from "@pagoda/core";

/**
 * The next change of the eligible endpoints. Waiting callers then ask again, in order, since they
 * are in the queues of endpoints that may have been removed, and in none of the new ones.
 */
export class EndpointChange implements Readiness {
  #happened = false;
  readonly #waiting = new WaitList(() => this.#happened);

  ready(): undefined | Promise<void> {
    return this.#waiting.ready();
  }

  happen(): void {
    this.#happened = true;
    this.#waiting.wake();
  }
}
