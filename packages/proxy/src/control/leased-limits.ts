import { leased, type LeaseGrants, type Rates, type Store } from "@pagoda/rate-limit";
import type { FromWorker, LeaseReply, SharedLimit } from "./protocol.ts";

/**
 * Timeout of the main process, in milliseconds. It is late only if it hangs or the machine is busy,
 * and a busy machine must not make limits inexact.
 */
const timeoutMs = 1_000;

/** A worker's share of the limits that the main process keeps: see `SharedState`. */
export class LeasedLimits {
  readonly #send: (message: FromWorker) => void;
  readonly #asked = new Map<number, (answer: LeaseGrants) => void>();
  #lastId = 0;

  constructor(tell: (message: FromWorker) => void) {
    this.#send = tell;
  }

  /**
   * @param workers How many share the limit: each keeps to its share while the main process does
   * not answer.
   */
  readonly of =
    (name: string, maxKeys: number, workers: number) =>
    (rates: Rates): Store =>
      leased(this.#remote({ name, rates, maxKeys }), { timeoutMs, unreachable: { share: 1 / workers } })(
        rates,
      );

  answered({ id, answer }: LeaseReply): void {
    this.#asked.get(id)?.(answer);
    this.#asked.delete(id);
  }

  #remote(limit: SharedLimit): Parameters<typeof leased>[0] {
    return {
      take: (take) =>
        new Promise((resolve) => {
          const id = ++this.#lastId;
          this.#asked.set(id, resolve);
          this.#send({ kind: "lease", id, limit, take });
        }),
      giveBack: (giveBack) => this.#send({ kind: "lease", id: ++this.#lastId, limit, giveBack }),
    };
  }
}
