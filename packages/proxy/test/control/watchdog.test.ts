import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Watchdog } from "../../src/control/watchdog.ts";

/** A worker that answers unless it is silenced. */
class Subject {
  isSilent = false;
  asked = 0;
  #waiting: (() => void)[] = [];

  async request(): Promise<unknown> {
    this.asked++;
    if (this.isSilent) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  speak(): void {
    this.isSilent = false;
    for (const answer of this.#waiting.splice(0)) answer();
  }
}

function watched(workers: readonly Subject[], timeoutMs = 10_000) {
  const clock = virtualClock();
  const hung: [Subject, number][] = [];
  const watchdog = new Watchdog<Subject>({
    clock,
    workers: () => workers,
    timeoutMs: () => timeoutMs,
    hung: (worker, silentMs) => hung.push([worker, silentMs]),
  });
  watchdog.begin();
  return { clock, watchdog, hung };
}

describe("a watchdog", () => {
  test("reports once a worker that has not answered for the timeout, and no other", async () => {
    const [one, other] = [new Subject(), new Subject()];
    const { clock, watchdog, hung } = watched([one, other]);
    await clock.advance(3_000);
    one.isSilent = true;
    await clock.advance(9_000);
    expect(hung).toEqual([]);
    expect(watchdog.isSilent(one)).toBe(true);
    expect(watchdog.isSilent(other)).toBe(false);
    await clock.advance(30_000);
    expect(hung).toEqual([[one, 10_000]]);
    watchdog.close();
    expect(clock.pending).toBe(0);
  });

  test("resets the silence of a worker that answers again", async () => {
    const worker = new Subject();
    const { clock, watchdog, hung } = watched([worker]);
    await clock.advance(2_000);
    worker.isSilent = true;
    await clock.advance(8_000);
    worker.speak();
    await settled();
    expect(watchdog.silentMs(worker)).toBe(0);
    await clock.advance(60_000);
    expect(hung).toEqual([]);
  });

  test("sends no ping while an answer is due", async () => {
    const worker = new Subject();
    const { clock } = watched([worker]);
    worker.isSilent = true;
    await clock.advance(9_000);
    expect(worker.asked).toBe(1);
  });

  test("gives a starting worker a minute", async () => {
    const worker = new Subject();
    worker.isSilent = true;
    const { clock, hung } = watched([worker]);
    await clock.advance(60_000);
    expect(hung).toEqual([]);
    await clock.advance(2_000);
    expect(hung).toEqual([[worker, 60_000]]);
  });

  test("gives a serving worker the usual timeout, even if it never answered", async () => {
    const worker = new Subject();
    worker.isSilent = true;
    const { clock, watchdog, hung } = watched([worker]);
    watchdog.started(worker);
    await clock.advance(11_000);
    expect(hung).toEqual([[worker, 10_000]]);
  });

  test("counts a late timer as one interval, so a paused machine blames no worker", async () => {
    const worker = new Subject();
    let fire: (() => void) | undefined;
    const hung: Subject[] = [];
    const watchdog = new Watchdog<Subject>({
      // An hour may pass between two of its timers.
      clock: { now: () => 0, wallTime: () => 0, setTimer: (_ms, run) => ((fire = run), {}), clearTimer() {} },
      workers: () => [worker],
      timeoutMs: () => 10_000,
      hung: (each) => hung.push(each),
    });
    watchdog.begin();
    fire?.();
    await settled();
    worker.isSilent = true;
    fire?.();
    fire?.();
    expect(watchdog.silentMs(worker)).toBe(1_000);
    expect(hung).toEqual([]);
  });
});
