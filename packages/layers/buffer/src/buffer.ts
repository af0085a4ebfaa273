import {
  type Aborted,
  aborted,
  checkInteger,
  type Clock,
  type Fault,
  isReady,
  layer,
  type Layer,
  left,
  type Part,
  systemClock,
} from "@pagoda/core";
import { checkMaxWait, type Codel, normalWaitMs } from "./max-wait.ts";
import { Queue } from "./queue.ts";
import { BufferUsage } from "./usage.ts";

/** The queue is full. Nothing was sent, so it says nothing about the upstream. */
export interface BufferFull extends Fault<"BufferFull"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Maximum queue length. */
  readonly capacity: number;
}

/** The call reached its maximum wait before inner was ready for it. Nothing was sent. */
export interface QueueTimedOut extends Fault<"QueueTimedOut"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly waitedMs: number;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface BufferObserver {
  /** A call joined the queue; `depth` is the new queue length. */
  readonly queued?: (depth: number) => void;
  /** A call was dropped: refused, timed out in the queue, or aborted by its caller there. */
  readonly dropped?: (reason: "full" | "timedOut" | "aborted") => void;
  /** A call proceeded to inner after `waitedMs`; 0 if it did not wait. */
  readonly passed?: (waitedMs: number) => void;
}

/** Options of {@link buffer}. */
export interface BufferOptions {
  /** Maximum queue length: an integer of at least 1. */
  readonly capacity: number;
  /**
   * Maximum wait of a call in milliseconds: over 0, at most 2,147,483,647. Default:
   * `codel.intervalMs`, else 3,000.
   */
  readonly maxWaitMs?: number;
  /** Keeps waits short when an overload lasts longer than a burst. Default: off. */
  readonly codel?: Codel;
  /**
   * Usage counters. Buffers with the same object share their capacity. Each buffer keeps its own
   * `capacity` and its own order. Default: each service has its own.
   */
  readonly usage?: BufferUsage;
  readonly observer?: BufferObserver;
  readonly clock?: Clock;
}

const part: Part = { name: "buffer", unguarded: true };

/**
 * Queues calls until inner is ready, first come, first served. A call passes straight through if
 * the queue is empty and inner is ready. Use it to absorb bursts in front of a limit.
 *
 * Place it around a service that is not always ready, such as a concurrency limit or a balancer.
 * The buffer is ready while the queue has room. A timeout outside it also counts the time in the
 * queue. The wait is bounded even without one, because an open circuit breaker further in may
 * refuse calls for minutes.
 *
 * With `codel`, a call that joins a queue that has not been empty for `intervalMs` waits at most
 * `targetMs`: more calls arrive than inner can take, and a long queue would only delay all of them.
 *
 * Errors: {@link BufferFull} if the queue is full, {@link QueueTimedOut} for a call that reaches
 * its maximum wait, and `Aborted` if the caller aborts while the call is queued, in the tick of the
 * abort. Its room is free in the same tick.
 *
 * Cost per call: about 2 ns and a check of inner's readiness. A call that waits costs about 3 µs,
 * its timer included.
 *
 * Source: Tower's `buffer`, without its worker task; Nichols and Jacobson, "Controlling queue
 * delay", 2012, in Facebook's variant (Maurer, "Fail at scale", 2015).
 *
 * @throws RangeError when an option is out of range.
 */
export function buffer({
  capacity,
  maxWaitMs,
  codel,
  usage: shared,
  observer,
  clock = systemClock,
}: BufferOptions): Layer<unknown, unknown, BufferFull | QueueTimedOut | Aborted> {
  checkInteger("buffer: capacity", capacity, { min: 1 });
  checkMaxWait({ maxWaitMs, codel });
  const full: BufferFull = { _tag: "BufferFull", origin: "local", retryable: true, capacity };

  return layer<unknown, unknown, BufferFull | QueueTimedOut | Aborted>(part, (inner) => {
    const usage = shared ?? new BufferUsage();
    const queue = new Queue(inner, usage, capacity, { maxWaitMs, codel }, clock);

    return {
      options: {
        capacity,
        maxWaitMs: normalWaitMs({ maxWaitMs, codel }),
        ...(codel && { codel: { targetMs: codel.targetMs, intervalMs: codel.intervalMs } }),
      },
      state: () => ({ queued: queue.size, oldestMs: queue.oldestMs(), waiting: queue.blocked }),
      ready: () => queue.ready(),
      call(request, signal) {
        if (queue.size === 0 && isReady(inner)) {
          observer?.passed?.(0);
          return inner.call(request, signal);
        }
        if (signal?.aborted) {
          observer?.dropped?.("aborted");
          return Promise.resolve(left(aborted(signal)));
        }
        if (usage.taken >= capacity) {
          observer?.dropped?.("full");
          return Promise.resolve(left(full));
        }
        return new Promise((resolve, reject) => {
          queue.join(signal, {
            pass(waitedMs) {
              observer?.passed?.(waitedMs);
              resolve(inner.call(request, signal));
            },
            timeOut(waitedMs) {
              observer?.dropped?.("timedOut");
              resolve(left({ _tag: "QueueTimedOut", origin: "local", retryable: true, waitedMs }));
            },
            abort() {
              observer?.dropped?.("aborted");
              resolve(left(aborted(signal as AbortSignal)));
            },
            fail: reject,
          });
          observer?.queued?.(queue.size);
        });
      },
    };
  });
}
