import type { Clock } from "./clock.ts";

/**
 * Waits so many milliseconds, or until the signal is aborted, and leaves nothing behind. Whoever waited asks
 * `signal.aborted` which of the two it was.
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
