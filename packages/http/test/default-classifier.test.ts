import { defaultClassifier, right } from "@pagoda/core";
import { httpResponse } from "@pagoda/http";
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { observed, Source } from "./bodies.ts";

describe("core's defaultClassifier with HTTP responses", () => {
  test.each([
    [200, "success", false],
    [404, "success", false],
    [429, "limited", true],
    [500, "failure", false],
    [503, "failure", true],
  ])("classifies status %d as %s, retryable: %s", (status, kind, retryable) => {
    const { outcome } = defaultClassifier();
    expect(outcome(right(httpResponse(status)))).toEqual({ kind, retryable });
  });

  test("classifies a response with a fault as that fault", () => {
    const fault = { _tag: "Shed", origin: "local", retryable: true } as const;
    const outcome = defaultClassifier().outcome(right({ ...httpResponse(503), fault }));
    expect(outcome).toEqual({ kind: "neutral", retryable: true });
  });

  test("honours Retry-After by the clock", () => {
    const clock = virtualClock(Date.UTC(2026, 10, 23, 12));
    const { outcome } = defaultClassifier(clock);
    const after = (value: string) =>
      outcome(right(httpResponse(503, "", { "retry-after": value }))).retryAfterMs;
    expect(after("7")).toBe(7_000);
    expect(after("Mon, 23 Nov 2026 12:00:30 GMT")).toBe(30_000);
  });

  test("follows a body to its end", () => {
    const classifier = defaultClassifier();
    const follow = (end: (source: Source) => void): unknown[] => {
      const source = new Source();
      const outcomes: unknown[] = [];
      const follows = classifier.follow?.({ ...httpResponse(200), body: source }, (outcome) =>
        outcomes.push(outcome.kind),
      );
      end(source);
      return [follows, ...outcomes];
    };
    expect(follow((source) => source.break())).toEqual([true, "failure"]);
    expect(follow((source) => source.cancel())).toEqual([true, "success"]);
    expect(follow(() => {})).toEqual([true]);
    for (const whole of [httpResponse(200), httpResponse(200, "a")])
      expect(classifier.follow?.(whole, () => {})).toBe(false);
  });

  test("discards a response by cancelling its body", () => {
    const classifier = defaultClassifier();
    const source = new Source();
    classifier.discard({ ...httpResponse(200), body: source });
    expect(observed(source)).toEqual([false]);
  });
});
