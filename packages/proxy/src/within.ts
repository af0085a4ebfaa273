import type { Clock } from "@pagoda/core";

/** Waits for a promise, for `limitMs` milliseconds at most. */
export async function within<T>(limitMs: number, result: Promise<T>, clock: Clock): Promise<T | "late"> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = clock.setTimer(limitMs, () => resolve("late"));
  try {
    return await Promise.race([result, late]);
  } finally {
    clock.clearTimer(timer);
  }
}
