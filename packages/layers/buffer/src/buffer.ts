import {
  aborted,
  type Aborted,
  checkInteger,
  type Clock,
  type Fault,
  isReady,
  layer,
  type Layer,
  systemClock,
} from "@pagoda/core";
import { left } from "fp-ts/lib/Either.js";
import { checkPatience, type Codel, usualWaitMs } from "./patience.ts";
import { Queue } from "./queue.ts";
import { BufferRoom } from "./room.ts";

/** As many calls wait as there is room for. Nothing was sent, so it says nothing about the upstream. */
export interface BufferFull extends Fault<"BufferFull"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Calls that may wait. */
  readonly capacity: number;
}

/** The call waited as long as it may, and what is inside had no room for it. Nothing was sent. */
export interface QueueTimedOut extends Fault<"QueueTimedOut"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly waitedMs: number;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface BufferObserver {
  /** A call has begun to wait; so many wait now. */
  readonly queued?: (depth: number) => void;
  /** A call was refused, has waited too long, or was given up by its caller while it waited. */
  readonly dropped?: (reason: "full" | "timedOut" | "aborted") => void;
  /** A call went on inwards after so many milliseconds; 0 when it did not have to wait. */
  readonly passed?: (waitedMs: number) => void;
}

export interface BufferOptions {
  /** Calls that may wait: a whole number of at least 1. */
  readonly capacity: number;
  /** Longest wait of a call: milliseconds, over 0, up to 2,147,483,647. Default: `codel.intervalMs`, else 3,000. */
  readonly maxWaitMs?: number;
  /** Keeps the wait short when more comes than can be taken for longer than a burst. Default: off. */
  readonly codel?: Codel;
  /**
   * Where calls that wait have their places. Buffers given the same one share it, each with its own capacity; the order is
   * that of each. Default: each service has its own.
   */
  readonly room?: BufferRoom;
  readonly observer?: BufferObserver;
  readonly clock?: Clock;
}

/**
 * Lets calls wait until inner is ready, in the order in which they came. While nobody waits and inner is ready a call
 * goes straight through. Use it to absorb bursts in front of what has a limit.
 *
 * It stands around a layer that is not always ready, such as a concurrency limit or a balancer. It is ready while there
 * is room, and those who ask wait for room. A timeout outside of it counts the waiting. The wait is bounded without one,
 * too: an open circuit further in may be closed to calls for minutes.
 *
 * With `codel` a call that comes when the queue has not been empty for `intervalMs` waits `targetMs` at most: then more
 * comes than inner can take, and a long queue would only make all calls late.
 *
 * Errors: {@link BufferFull} at once when there is no room, {@link QueueTimedOut} for one that has waited too long, and
 * `Aborted` in the tick of the abort for one whose caller leaves while it waits. Its room is free in that very tick.
 *
 * Cost per call: the asking of inner's readiness and about 2 ns; one that waits takes about 3 µs, a timer for a bounded
 * wait included.
 *
 * Source: Tower's `buffer`, without its worker; Nichols and Jacobson, "Controlling queue delay", 2012, in the variant of
 * Facebook (Maurer, "Fail at scale", 2015).
 *
 * @throws RangeError when an option is out of range.
 */
export function buffer({
  capacity,
  maxWaitMs,
  codel,
  room: shared,
  observer,
  clock = systemClock,
}: BufferOptions): Layer<unknown, unknown, BufferFull | QueueTimedOut | Aborted> {
  checkInteger("buffer: capacity", capacity, { min: 1 });
  checkPatience({ maxWaitMs, codel });
  const full: BufferFull = { _tag: "BufferFull", origin: "local", retryable: true, capacity };

  return layer<unknown, unknown, BufferFull | QueueTimedOut | Aborted>("buffer", (inner) => {
    const room = shared ?? new BufferRoom();
    const queue = new Queue(inner, room, capacity, { maxWaitMs, codel }, clock);

    return {
      options: {
        capacity,
        maxWaitMs: usualWaitMs({ maxWaitMs, codel }),
        ...(codel && { codel: { targetMs: codel.targetMs, intervalMs: codel.intervalMs } }),
      },
      state: () => ({ queued: queue.size, oldestMs: queue.oldestMs(), waiting: queue.outside }),
      ready: () => queue.ready(),
      call(request, signal) {
        try {
          if (queue.size === 0 && isReady(inner)) {
            observer?.passed?.(0);
            return inner.call(request, signal);
          }
        } catch (defect) {
          return Promise.reject(defect);
        }
        if (signal?.aborted) {
          observer?.dropped?.("aborted");
          return Promise.resolve(left(aborted(signal)));
        }
        if (room.taken >= capacity) {
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
