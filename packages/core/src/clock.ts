/** A timer set on a clock; opaque to everything but that clock. */
export type Timer = object;

/**
 * The source of time for layers. It is injected so that a whole stack can run in virtual time: see
 * `virtualClock` in `@pagoda/core/testing`.
 */
export interface Clock {
  /**
   * Monotonic milliseconds since some fixed moment, fractions included. For durations. About 40 ns.
   */
  now(): number;
  /**
   * Milliseconds since 1970-01-01 UTC; may jump. For timestamps that people or other machines read.
   */
  wallTime(): number;
  /** Runs `run` once, `ms` milliseconds from now. A timer set and cleared costs about 400 ns. */
  setTimer(ms: number, run: () => void): Timer;
  /** Cancels a timer. Does nothing if the timer has fired. */
  clearTimer(timer: Timer): void;
}

/**
 * The longest delay of the platform's timers, in milliseconds. With a longer one they fire at once.
 */
export const maxTimerMs = 2_147_483_647;

/**
 * When a timer fires this many milliseconds late, its whole process was held up: stopped, starved,
 * or moved to another machine. Such a process could not receive anything either, so it cannot judge
 * whether others were silent meanwhile.
 */
export const stallMs = 1_000;

// The global is a getter.
const { performance } = globalThis;

/** The system's clock, and the default of every layer. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (ms, run) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/**
 * Returns monotonic milliseconds, fractions included, on a clock that all threads and processes of
 * a machine share. The time of `Clock.now`, by contrast, starts from zero in each thread. About 60
 * ns.
 */
export function machineNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
