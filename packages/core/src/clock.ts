/** A timer set on a clock; means something only to the clock that gave it. */
export type Timer = object;

/**
 * Where layers get the time from. Injected, so that a whole stack runs in virtual time: see `virtualClock` in
 * `@pagoda/core/testing`.
 */
export interface Clock {
  /** Milliseconds since some fixed moment, fractions included; never goes back. For durations. About 40 ns. */
  now(): number;
  /** Milliseconds since 1970-01-01 UTC; may jump. For time stamps that people or other machines read. */
  wallTime(): number;
  /** Runs `run` once, `ms` milliseconds from now. A timer set and cleared costs about 400 ns. */
  setTimer(ms: number, run: () => void): Timer;
  /** Takes back a timer; one that has fired already may be given, too. */
  clearTimer(timer: Timer): void;
}

/** Milliseconds: the longest time that the platform's timers take. They fire at once when they are given more. */
export const longestTimerMs = 2_147_483_647;

/**
 * A timer that fires so many milliseconds too late was held up with its process: stopped, starved, moved to another machine.
 * Such a process could not hear either, so it is no judge of who was silent meanwhile.
 */
export const heldUpMs = 1_000;

/** The system's clock, and the default of every layer. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (ms, run) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/**
 * Milliseconds since some fixed moment, fractions included, on a clock that all threads and processes of a machine have in
 * common; never goes back. What `Clock.now` gives begins anew in each thread. About 60 ns.
 */
export function machineNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
