import assert from "node:assert/strict";
import { systemClock } from "../clock.ts";
import { settled } from "./settled.ts";
import { watchSystemTimers } from "./system-timers.ts";

/** Far longer, in turns of the event loop, than any rule takes; no time is waited for. */
const turns = 1_000;

/**
 * Runs one rule of a suite in virtual time. A rule that hangs fails under its own name as soon as nothing moves any more; a
 * runner would notice late, and not name it. No system timer may be set meanwhile.
 */
export async function runRule(
  name: string,
  run: () => Promise<void>,
  systemTimers: "none" | "library" = "none",
): Promise<void> {
  const timers = watchSystemTimers();
  let isOver = false;
  async function stuck(): Promise<never> {
    for (let turn = 0; turn < turns && !isOver; turn++) await settled();
    throw new assert.AssertionError({ message: `${name}: never settles` });
  }
  try {
    await Promise.race([run(), stuck()]);
  } finally {
    isOver = true;
    timers.stop();
  }
  const [first] = timers.set;
  if (first !== undefined && systemTimers === "none")
    throw new assert.AssertionError({
      message: `${name}: a timer of the system was set instead of one of the clock\n${first}`,
    });
}

/** Runs one rule of a suite in real time; one that takes too long fails under its own name. */
export async function limited(name: string, limitMs: number, run: () => Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const message = `${name}: does not end within ${limitMs} ms`;
  const timer = systemClock.setTimer(limitMs, () => reject(new assert.AssertionError({ message })));
  try {
    await Promise.race([run(), promise]);
  } finally {
    systemClock.clearTimer(timer);
  }
}
