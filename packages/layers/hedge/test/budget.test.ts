import type { Budget } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import type { HedgeOptions } from "@pagoda/hedge";
import { bench, slow } from "./bench.ts";

describe("hedge budget", () => {
  /** Makes slow calls at once, after two seconds of fast ones, and returns the number of second calls. */
  async function doubled(options: HedgeOptions, calls: number): Promise<number> {
    const { traffic, mock, call, clock, state } = bench(options);
    await traffic(2);
    for (let n = 0; n < calls; n++) void call();
    await settled();
    await clock.advance(200);
    expect(mock.calls.length).toBe(20 + calls + Number(state()?.["hedges"]));
    return Number(state()?.["hedges"]);
  }

  function counting(left: number): Budget & { deposits: number } {
    return {
      deposits: 0,
      left,
      deposit() {
        this.deposits++;
      },
      withdraw: () => left-- >= 1,
    };
  }

  test("bounds second calls when all calls are slow", async () => {
    // The window holds the 30 slow calls and 9 of the last second.
    expect(await doubled({}, 30)).toBe(3);
    expect(await doubled({ maxExtraLoad: 0.5 }, 30)).toBe(19);
    expect(await doubled({ maxExtraLoad: 0 }, 30)).toBe(0);
  });

  test("a shared budget applies in addition", async () => {
    expect(await doubled({ maxExtraLoad: 0.5, budget: counting(3) }, 30)).toBe(3);
    expect(await doubled({ maxExtraLoad: 0.1, budget: counting(300) }, 30)).toBe(3);
  });

  test("makes no deposit into a shared budget", async () => {
    const shared = counting(100);
    await doubled({ budget: shared }, 30);
    expect(shared.deposits).toBe(0);
  });

  test("withdraws nothing from its own budget if the shared one refuses", async () => {
    const shared = { left: 0, deposit() {}, withdraw: () => false };
    const { traffic, ...rest } = bench({ maxExtraLoad: 0.5, budget: shared });
    await traffic();
    expect((await slow(rest)).second).toBeUndefined();
    expect(rest.state()).toMatchObject({ budgetLeft: 0, hedges: 0 });
    shared.left = 100;
    // Half of the eight calls still in the window.
    expect(rest.state()).toMatchObject({ budgetLeft: 4 });
  });
});
