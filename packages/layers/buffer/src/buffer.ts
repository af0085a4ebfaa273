import {
  type Aborted,
  aborted,
  checkInteger,
  checkNumber,
  type Clock,
  type Either,
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

/**
 * The queue is full, or a call of higher priority needed the room. Nothing was sent, so it says
 * nothing about the upstream.
 */
export interface BufferFull extends Fault<"BufferFull"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Maximum cost of all queued calls together, by default their number. */
  readonly capacity: number;
}

/** The call reached its maximum wait before inner was ready for it. Nothing was sent. */
export interface QueueTimedOut extends Fault<"QueueTimedOut"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly waitedMs: number;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface BufferObserver<in Req = unknown> {
  /** A call joined the queue; `depth` is the new queue length. */
  readonly queued?: (depth: number, request: Req) => void;
  /**
   * A call was dropped: refused, displaced by one of higher priority, timed out in the queue, or
   * aborted by its caller there.
   */
  readonly dropped?: (reason: "full" | "displaced" | "timedOut" | "aborted", request: Req) => void;
  /** A call proceeded to inner after `waitedMs`; 0 if it did not wait. */
  readonly passed?: (waitedMs: number, request: Req) => void;
}

/** Options of {@link buffer}. */
export interface BufferOptions<Req = unknown> {
  /** Maximum cost of all queued calls together: an integer of at least 1. */
  readonly capacity: number;
  /**
   * Priority of a call: a finite number. Queued calls of higher priority go first, and displace
   * those of lower priority from a full queue. Asked when a call joins. Default: the same for all.
   */
  readonly priority?: (request: Req) => number;
  /**
   * Room that a call takes in the queue, in the unit of `capacity`: an integer of at least 1. Asked
   * when a call joins. Default: 1.
   */
  readonly cost?: (request: Req) => number;
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
  readonly observer?: BufferObserver<Req>;
  readonly clock?: Clock;
}

const part: Part = { name: "buffer", unguarded: true };

/**
 * Queues calls until inner is ready, first come, first served, or by `priority`. A call passes
 * straight through if the queue is empty and inner is ready. Use it to absorb bursts in front of a
 * limit.
 *
 * Place it around a service that is not always ready, such as a concurrency limit or a balancer.
 * The buffer is ready while the queue has room. A timeout outside it also counts the time in the
 * queue. The wait is bounded even without one, because an open circuit breaker further in may
 * refuse calls for minutes.
 *
 * A full queue sheds the lowest priority first, and within one the latest call: a call of higher
 * priority takes the room of as many as it needs. Calls of low priority may never go as long as
 * there are others, but none waits longer than `maxWaitMs`. The buffer is ready while there is room
 * for a call that costs 1.
 *
 * With `codel`, a call that joins a queue that has not been empty for `intervalMs` waits at most
 * `targetMs`: more calls arrive than inner can take, and a long queue would only delay all of them.
 *
 * Errors: {@link BufferFull} if the queue has no room for the call, or if the call is displaced,
 * {@link QueueTimedOut} for a call that reaches
 * its maximum wait, and `Aborted` if the caller aborts while the call is queued, in the tick of the
 * abort. Its room is free in the same tick.
 *
 * Cost per call: about 2 ns and a check of inner's readiness. A call that waits costs about 3 µs,
 * its timer included. With priorities, joining costs a search, and moving up to as many pointers as
 * there are queued calls.
 *
 * Source: Tower's `buffer`, without its worker task; Nichols and Jacobson, "Controlling queue
 * delay", 2012, in Facebook's variant (Maurer, "Fail at scale", 2015).
 *
 * @throws RangeError when an option is out of range.
 */
export function buffer<Req = unknown>({
  capacity,
  priority,
  cost,
  maxWaitMs,
  codel,
  usage: shared,
  observer,
  clock = systemClock,
}: BufferOptions<Req>): Layer<Req, unknown, BufferFull | QueueTimedOut | Aborted> {
  checkInteger("buffer: capacity", capacity, { min: 1 });
  checkMaxWait({ maxWaitMs, codel });
  const full: BufferFull = { _tag: "BufferFull", origin: "local", retryable: true, capacity };

  return layer<Req, unknown, BufferFull | QueueTimedOut | Aborted>(part, (inner) => {
    const usage = shared ?? new BufferUsage();
    const queue = new Queue(inner, usage, { capacity, maxWait: { maxWaitMs, codel }, clock });

    function refuse(request: Req): Either<BufferFull, never> {
      observer?.dropped?.("full", request);
      return left(full);
    }

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
          observer?.passed?.(0, request);
          return inner.call(request, signal);
        }
        if (signal?.aborted) {
          observer?.dropped?.("aborted", request);
          return Promise.resolve(left(aborted(signal)));
        }
        const place = { priority: priorityOf(priority, request), cost: costOf(cost, request) };
        // Without priorities no room can be made.
        if (priority === undefined && usage.taken + place.cost > capacity)
          return Promise.resolve(refuse(request));
        return new Promise((resolve, reject) => {
          const joined = queue.join(place, signal, {
            pass(waitedMs) {
              observer?.passed?.(waitedMs, request);
              resolve(inner.call(request, signal));
            },
            timeOut(waitedMs) {
              observer?.dropped?.("timedOut", request);
              resolve(left({ _tag: "QueueTimedOut", origin: "local", retryable: true, waitedMs }));
            },
            abort() {
              observer?.dropped?.("aborted", request);
              resolve(left(aborted(signal as AbortSignal)));
            },
            displace() {
              observer?.dropped?.("displaced", request);
              resolve(left(full));
            },
            fail: reject,
          });
          if (joined) return observer?.queued?.(queue.size, request);
          resolve(refuse(request));
        });
      },
    };
  });
}

function priorityOf<Req>(priority: BufferOptions<Req>["priority"], request: Req): number {
  if (priority === undefined) return 0;
  const value = priority(request);
  checkNumber("buffer: priority", value);
  return value;
}

function costOf<Req>(cost: BufferOptions<Req>["cost"], request: Req): number {
  if (cost === undefined) return 1;
  const value = cost(request);
  checkInteger("buffer: cost", value, { min: 1 });
  return value;
}
