import { type Clock, Slots } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

function counting() {
  const clock = virtualClock();
  let readings = 0;
  const counted: Clock = {
    ...clock,
    now() {
      readings++;
      return clock.now();
    },
  };
  return { clock, slots: new Slots(counted, 100), readings: () => readings };
}

describe("slots", () => {
  test("grow with time", async () => {
    const { clock, slots } = counting();
    const first = slots.exactly();
    await clock.advance(99);
    expect(slots.exactly()).toBe(first);
    await clock.advance(1);
    expect(slots.exactly()).toBe(first + 1);
    expect(slots.roughly()).toBe(first + 1);
  });

  test("frequent events hardly read the clock", () => {
    const { slots, readings } = counting();
    for (let n = 0; n < 10_000; n++) slots.roughly();
    expect(readings()).toBeLessThan(150);
  });

  test("rare events read it each time", async () => {
    const { clock, slots } = counting();
    const first = slots.exactly();
    for (let n = 1; n <= 100; n++) {
      await clock.advance(10);
      expect(slots.roughly()).toBe(first + Math.floor(n / 10));
    }
  });

  test("property: at most a sixteenth of a slot's events are counted for it after it has passed, and none early", async () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 150 })), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { clock, slots } = counting();
        const inTime = new Map<number, number>();
        const late = new Map<number, number>();
        for (const [events, waitMs] of all) {
          for (let n = 0; n < events; n++) {
            const present = Math.floor(clock.now() / 100);
            const slot = slots.roughly();
            expect(slot).toBeLessThanOrEqual(present);
            const counts = slot === present ? inTime : late;
            counts.set(slot, (counts.get(slot) ?? 0) + 1);
          }
          await clock.advance(waitMs);
        }
        for (const [slot, count] of late) expect(count).toBeLessThanOrEqual((inTime.get(slot) ?? 0) / 16);
      }),
    );
  });
});
