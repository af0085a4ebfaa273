import {
  leased,
  type LeaseGrants,
  type Rates,
  type RemoteStore,
  type Store,
  type Unreachable,
} from "@pagoda/rate-limit";
import type { LimitStores } from "../data-plane/types.ts";
import type { KeptLimit } from "../policies/policy.ts";
import type { DecisionMetrics } from "./decision-metrics.ts";
import type { FromWorker, LeaseReply, SharedLimit } from "./protocol.ts";

/**
 * Timeout of the main process, in milliseconds. It is late only if it hangs or the machine is busy,
 * and a busy machine must not make limits inexact.
 */
const timeoutMs = 1_000;

/** A worker's share of the limits that the main process keeps: see `SharedState`. */
export class LeasedLimits {
  readonly #send: (message: FromWorker) => void;
  readonly #metrics: DecisionMetrics;
  readonly #asked = new Map<number, (answer: LeaseGrants) => void>();
  #lastId = 0;

  constructor(send: (message: FromWorker) => void, metrics: DecisionMetrics) {
    this.#send = send;
    this.#metrics = metrics;
  }

  /** While the main process does not answer, each worker keeps to its share. */
  readonly of: LimitStores = (name, { maxKeys, workers, kept }) => {
    if (kept === undefined && workers === 1) return undefined;
    const options = {
      timeoutMs,
      ...(kept && { leaseMs: kept.leaseMs }),
      unreachable: whenAlone(workers, kept),
    };
    return (rates: Rates): Store => {
      const limit = leased(this.#remote({ name, rates, maxKeys, kept }), options)(rates);
      return kept === undefined ? limit : this.#metrics.counted(kept.store, limit);
    };
  };

  answered({ id, answer }: LeaseReply): void {
    this.#asked.get(id)?.(answer);
    this.#asked.delete(id);
  }

  #remote(limit: SharedLimit): RemoteStore {
    let source: number | undefined;
    return {
      take: (take) =>
        new Promise((resolve) => {
          const id = ++this.#lastId;
          this.#asked.set(id, (answer) => {
            source = answer.source;
            resolve(answer);
          });
          this.#send({ kind: "lease", id, limit, take });
        }),
      giveBack: (giveBack) => this.#send({ kind: "lease", id: ++this.#lastId, limit, giveBack, source }),
    };
  }
}

/** What a worker admits without the main process. */
function whenAlone(workers: number, kept: KeptLimit | undefined): Unreachable {
  if (kept === undefined) return { share: 1 / workers };
  const { unreachable } = kept;
  return typeof unreachable === "object" ? { share: unreachable.share / workers } : unreachable;
}
