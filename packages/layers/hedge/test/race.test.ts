import { getEventListeners } from "node:events";
import { faultClassifier, left, right } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { again, type Change, final, pair, racing, refused, type Sample } from "./racing.ts";

describe("race", () => {
  describe("before the second call", () => {
    conformance(test, (kit) => racing(kit).made);
  });

  describe("with two calls", () => {
    test.each(["first", "second"] as const)("the %s to answer wins; the other is aborted", async (which) => {
      const { result, events, mock, clock, ...calls } = await pair();
      const loser = which === "first" ? calls.second : calls.first;
      calls[which].answer("won");
      expect(await result).toEqual(right("won"));
      expect(loser.signal?.aborted).toBe(true);
      expect(events.at(-1)).toBe(`won ${which} a`);
      expect([mock.inFlight, clock.pending]).toEqual([0, 0]);
    });

    test("the loser is aborted in the tick of the answer", async () => {
      const { first, second } = await pair();
      second.answer("won");
      expect(first.signal?.aborted).toBe(false);
      // The answer arrives in a microtask, and so does the abort.
      await Promise.resolve();
      expect(first.signal?.aborted).toBe(true);
      // Defect: the reason was not an `Error`, which code behind `fetch` and streams expects.
      expect(first.signal?.reason).toBeInstanceOf(DOMException);
      expect(first.signal?.reason).toMatchObject({
        name: "AbortError",
        cause: { _tag: "Superseded", origin: "local" },
      });
      expect(second.signal?.aborted).toBe(false);
    });

    test("both receive the same request", async () => {
      const { first, second } = await pair();
      expect([first.request, second.request]).toEqual(["a", "a"]);
    });

    test("an abort by the caller reaches both in the same tick and leaves no listener", async () => {
      const caller = new AbortController();
      const { result, first, second, events } = await pair({}, caller.signal);
      caller.abort("gone");
      expect([first.signal?.reason, second.signal?.reason]).toEqual(["gone", "gone"]);
      expect(await result).toMatchObject(left({ _tag: "Aborted" }));
      expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
      expect(events.filter((each) => each.startsWith("won"))).toEqual([]);
    });

    test.each([
      ["first", again],
      ["second", again],
      ["first", refused],
      ["second", refused],
    ] as const)("when the %s fails with %j, the other is waited for", async (which, fault) => {
      const { result, mock, events, ...calls } = await pair();
      const other = which === "first" ? "second" : "first";
      calls[which].fail(fault);
      await settled();
      expect(mock.inFlight).toBe(1);
      calls[other].answer("late but well");
      expect(await result).toEqual(right("late but well"));
      expect(events.at(-1)).toBe(`won ${other} a`);
    });

    test.each(["first", "second"] as const)("a final failure of the %s ends both", async (which) => {
      const { result, mock, events, ...calls } = await pair();
      calls[which].fail(final);
      expect(await result).toEqual(left(final));
      expect(mock.inFlight).toBe(0);
      expect(events.filter((each) => each.startsWith("won"))).toEqual([]);
    });

    test("the later of two failures is returned", async () => {
      const { result, first, second } = await pair();
      const later: Sample = { ...again, retryAfterMs: 5 };
      first.fail(again);
      await settled();
      second.fail(later);
      expect(await result).toEqual(left(later));
    });

    test.each(["first", "second"] as const)("a defect of the %s rejects and ends both", async (which) => {
      const { result, mock, clock, ...calls } = await pair();
      const defect = new Error("a defect");
      calls[which].reject(defect);
      await expect(result).rejects.toBe(defect);
      expect([mock.inFlight, clock.pending]).toEqual([0, 0]);
    });
  });

  test("reports the delay of the second call", async () => {
    const { events } = await pair();
    expect(events).toEqual(["hedged after 100 a"]);
  });

  test("reports no win without a second call", async () => {
    const clock = virtualClock();
    const mock = mockService<string, string, Sample>();
    const { made, events } = racing({ clock });
    const result = made(mock.service).call("a");
    (await mock.next()).answer("a");
    await result;
    expect(events).toEqual(["learned 0 at 0"]);
  });

  test("the first call continues if no second one is admitted", async () => {
    const clock = virtualClock();
    const mock = mockService<string, string, Sample>();
    const result = racing({ clock }, { admit: () => false })
      .made(mock.service)
      .call("a");
    await clock.advance(1_000);
    expect(mock.calls).toHaveLength(1);
    mock.calls[0]?.answer("a");
    expect(await result).toEqual(right("a"));
  });

  test.each<readonly [string, Change, number]>([
    ["admit", { admit: () => raise() }, 100],
    ["the classifier", { classifier: { ...faultClassifier, outcome: () => raise() } }, 0],
  ])("a throw of %s rejects and ends the call", async (_name, change, ms) => {
    const clock = virtualClock();
    const mock = mockService<string, string, Sample>();
    const result = racing({ clock }, change).made(mock.service).call("a");
    const caught = result.catch((thrown: unknown) => thrown);
    const first = await mock.next();
    await clock.advance(ms);
    first.answer("a");
    expect(await caught).toBe(mistake);
    expect([mock.inFlight, clock.pending]).toEqual([0, 0]);
  });

  test.each([1, 2])("a throw of inner at call %d rejects", async (nth) => {
    const clock = virtualClock();
    const mock = mockService<string, string, Sample>();
    let calls = 0;
    const call = (request: string, signal?: AbortSignal) =>
      ++calls === nth ? raise() : mock.service.call(request, signal);
    const result = racing({ clock })
      .made({ ...mock.service, call })
      .call("a");
    const caught = result.catch((thrown: unknown) => thrown);
    await clock.advance(100);
    expect(await caught).toBe(mistake);
    expect([mock.inFlight, clock.pending]).toEqual([0, 0]);
  });
});

const mistake = new Error("a mistake");
function raise(): never {
  throw mistake;
}
