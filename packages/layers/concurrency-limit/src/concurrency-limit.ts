import {
  checkInteger,
  type Classifier,
  type Clock,
  type Fault,
  layer,
  type Layer,
  type Random,
  responseClassifier,
  systemClock,
  systemRandom,
  WaitList,
} from "@pagoda/core";
import { left } from "fp-ts/lib/Either.js";
import { InFlight } from "./in-flight.ts";
import { Learner } from "./learner.ts";
import type { LimitAlgorithm } from "./limit.ts";

/** As many calls are under way as are allowed. Nothing was sent, so it says nothing about the upstream. */
export interface ConcurrencyLimited extends Fault<"ConcurrencyLimited"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Calls at once, at the moment of the refusal. */
  readonly limit: number;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface ConcurrencyLimitObserver {
  /** A call was refused. */
  readonly refused?: (fault: ConcurrencyLimited) => void;
  /** So many calls are allowed from now on. */
  readonly limitChanged?: (limit: number) => void;
}

export interface ConcurrencyLimitOptions {
  /** Calls at once: a whole number of at least 1, or how to find it. */
  readonly limit: number | LimitAlgorithm;
  /** What results say about the upstream, for a limit that learns. Default: `responseClassifier()`. */
  readonly classifier?: Classifier;
  /**
   * Where calls under way are counted. Layers given the same one share it, each with its own limit; a limit that learns
   * goes on with what was learned by the same algorithm. Default: each service has its own.
   */
  readonly inFlight?: InFlight;
  readonly observer?: ConcurrencyLimitObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Bounds how many calls are under way at once: by a fixed number, or by one that follows what the upstream can take
 * (`gradient2`, `vegas`, `aimd`). A call is under way until it is answered. Use it to protect an upstream, or this
 * process, from more than it can work on. Each service that the layer is put around has a limit of its own.
 *
 * It stands inside of what waits (a buffer) or sheds, and outside of what it protects. A timeout belongs inside of it:
 * only then does a limit that learns hear that the upstream was too slow.
 *
 * A limit that learns does so from successes (their latency), and from what asks for less: results that are `limited`,
 * and failures that are retryable, as timeouts are. Other failures and local faults say nothing about load.
 *
 * Errors: {@link ConcurrencyLimited}, for a call made while the limit is reached. Whoever asks `ready()` waits instead,
 * first come first served.
 *
 * Cost per call: about 30 ns with a fixed limit, which gives inner's own promise; about 155 ns with one that learns, of
 * which 80 are for reading the clock twice.
 *
 * Source: Tower's `limit::concurrency`; Netflix' concurrency-limits.
 *
 * @throws RangeError when an option is out of range.
 */
export function concurrencyLimit({
  limit: how,
  clock = systemClock,
  classifier = responseClassifier({ clock }),
  inFlight: shared,
  observer,
  random = systemRandom,
}: ConcurrencyLimitOptions): Layer<unknown, unknown, ConcurrencyLimited> {
  if (typeof how === "number") checkInteger("concurrency-limit: limit", how, { min: 1 });

  return layer<unknown, unknown, ConcurrencyLimited>("concurrency-limit", (inner) => {
    const inFlight = shared ?? new InFlight();
    const learner =
      typeof how === "number"
        ? undefined
        : inFlight.learnerOf(how, () => new Learner(how, classifier, clock, random));
    let limit = learner?.limit ?? (how as number);
    let fault = limitedTo(limit);
    const waiting: WaitList = new WaitList(
      () => inFlight.calls < current(),
      () => inFlight.waiting.delete(waiting),
    );
    const release = (): void => inFlight.release();

    /** Others may have learned meanwhile. */
    function current(): number {
      if (learner !== undefined && learner.limit !== limit) {
        limit = learner.limit;
        fault = limitedTo(limit);
        observer?.limitChanged?.(limit);
      }
      return limit;
    }

    function ready(): undefined | Promise<void> {
      const turn = waiting.ready();
      if (turn !== undefined) inFlight.waiting.add(waiting);
      return turn;
    }

    return {
      options: typeof how === "number" ? { limit: how } : { algorithm: how.name, ...how.options },
      state: () => ({
        limit: current(),
        inFlight: inFlight.calls,
        waiting: waiting.size,
        ...learner?.state(),
      }),
      // Its own readiness first, then inner's: both hold in the tick in which they are asked.
      ready: () => ready() ?? inner.ready(),
      call(request, signal) {
        if (inFlight.calls >= current()) {
          observer?.refused?.(fault);
          return Promise.resolve(left(fault));
        }
        inFlight.calls++;
        const start = learner === undefined ? 0 : clock.now();
        let answer: ReturnType<typeof inner.call>;
        try {
          answer = inner.call(request, signal);
        } catch (defect) {
          release();
          throw defect;
        }
        if (learner === undefined) {
          // Told before the caller is, for it asks first; and the caller gets its answer a tick earlier.
          void answer.then(release, release);
          return answer;
        }
        return answer.then(
          (result) => {
            try {
              learner.heard(result, start, inFlight.calls);
              current();
            } finally {
              release();
            }
            return result;
          },
          (defect: unknown) => {
            release();
            throw defect;
          },
        );
      },
    };
  });
}

function limitedTo(limit: number): ConcurrencyLimited {
  return { _tag: "ConcurrencyLimited", origin: "local", retryable: true, limit };
}
