import assert from "node:assert/strict";
import { systemClock } from "../clock.ts";
import { settled } from "./settled.ts";
import { watchSystemTimers } from "./system-timers.ts";

/** Turns of the event loop, many more than any rule takes. No real time is waited for. */
const turns = 1_000;

/**
 * Runs one rule of a suite in virtual time. A rule that hangs fails under its own name as soon as
 * nothing can make progress; a runner would notice late and not name the rule. System timers are
 * not allowed unless `systemTimers` is `library`.
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
      message: `${name}: a system timer was set instead of one on the clock\n${first}`,
    });
}

/** Runs one rule of a suite in real time. A rule that takes too long fails under its own name. */
export async function limited(name: string, limitMs: number, run: () => Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const message = `${name}: did not end within ${limitMs} ms`;
  const timer = systemClock.setTimer(limitMs, () => reject(new assert.AssertionError({ message })));
  try {
    await Promise.race([run(), promise]);
  } finally {
    systemClock.clearTimer(timer);
  }
}
