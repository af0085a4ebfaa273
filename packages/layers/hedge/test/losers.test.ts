import { type Classifier, type Either, faultClassifier, left, right } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { again, final, pair, racing, type Sample } from "./racing.ts";

/** Records which responses are discarded. */
function keeper(): Classifier & { readonly dropped: unknown[] } {
  const dropped: unknown[] = [];
  return { ...faultClassifier, dropped, discard: (response) => void dropped.push(response) };
}

describe("race", () => {
  describe("discards", () => {
    /** Two calls in flight, answered by the test, that ignore their signals. */
    async function stubborn(classifier: Classifier) {
      const clock = virtualClock();
      const answers: ((result: Either<Sample, string>) => void)[] = [];
      const mock = mockService<string, string, Sample>();
      const inner = {
        ...mock.service,
        call: () => new Promise<never>((resolve) => answers.push(resolve as never)),
      };
      const result = racing({ clock }, { classifier }).made(inner).call("a");
      await clock.advance(100);
      expect(answers).toHaveLength(2);
      return { answers, result };
    }

    test("a late response of the loser, once", async () => {
      const classifier = keeper();
      const { answers, result } = await stubborn(classifier);
      answers[1]?.(right("won"));
      await result;
      answers[0]?.(right("late"));
      await settled();
      expect(classifier.dropped).toEqual(["late"]);
    });

    test("no late error of the loser", async () => {
      const classifier = keeper();
      const { answers, result } = await stubborn(classifier);
      answers[0]?.(right("won"));
      expect(await result).toEqual(right("won"));
      answers[1]?.(left(again));
      await settled();
      expect(classifier.dropped).toEqual([]);
    });

    test("an ignored response at once, and returns the last one", async () => {
      const classifier: ReturnType<typeof keeper> = {
        ...keeper(),
        outcome: () => ({ kind: "failure", retryable: true }),
      };
      const { answers, result } = await stubborn(classifier);
      answers[0]?.(right("busy"));
      await settled();
      expect(classifier.dropped).toEqual(["busy"]);
      answers[1]?.(right("busy, too"));
      expect(await result).toEqual(right("busy, too"));
      expect(classifier.dropped).toEqual(["busy"]);
    });
  });

  describe("learns", () => {
    async function learned(change: (calls: Awaited<ReturnType<typeof pair>>) => Promise<void>) {
      const calls = await pair();
      await change(calls);
      await settled();
      return calls.events.filter((each) => each.startsWith("learned"));
    }

    test("the duration of the first call, not of the second", async () => {
      const events = await learned(async ({ clock, first }) => {
        await clock.advance(30);
        first.answer("a");
      });
      expect(events).toEqual(["learned 130 at 130"]);
    });

    test("a lower bound from an aborted first call", async () => {
      const events = await learned(async ({ clock, second }) => {
        await clock.advance(20);
        second.answer("a");
      });
      expect(events).toEqual(["learned 120 at 120"]);
    });

    test("a lower bound from a first call that failed late, once", async () => {
      const events = await learned(async ({ clock, first, second }) => {
        first.fail(again);
        await clock.advance(20);
        second.answer("a");
      });
      expect(events).toEqual(["learned 100 at 100"]);
    });

    test("nothing from an early failure", async () => {
      const clock = virtualClock();
      const mock = mockService<string, string, Sample>();
      const { made, events } = racing({ clock });
      const result = made(mock.service).call("a");
      await clock.advance(99);
      (await mock.next()).fail(final);
      await result;
      expect(events).toEqual([]);
    });
  });
});
