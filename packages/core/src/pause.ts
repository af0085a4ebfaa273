import type { Clock } from "./clock.ts";

/**
 * Waits `ms` milliseconds or until the signal is aborted, and leaves neither timer nor listener
 * behind. Check `signal.aborted` afterwards to know which of the two ended it.
 */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clock.clearTimer(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimer(ms, end);
    signal?.addEventListener("abort", end);
  });
}
