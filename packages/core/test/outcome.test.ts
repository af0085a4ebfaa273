import { aborted, faultClassifier, left, right, timeoutError } from "@pagoda/core";
import { describe, expect, test } from "vitest";

describe("faultClassifier", () => {
  test.each([
    [right("anything"), "success", false, undefined],
    [left({ _tag: "A", origin: "upstream", retryable: true }), "failure", true, undefined],
    [left({ _tag: "A", origin: "upstream", retryable: false }), "failure", false, undefined],
    [left({ _tag: "A", origin: "local", retryable: true }), "neutral", true, undefined],
    [left({ _tag: "A", origin: "local", retryable: false }), "neutral", false, undefined],
    [left({ _tag: "A", origin: "local", retryable: true, retryAfterMs: 7 }), "neutral", true, 7],
    [left({ _tag: "A", origin: "upstream", retryable: true, retryAfterMs: 7 }), "failure", true, 7],
    [left("no fault"), "failure", false, undefined],
  ])("reads %j as %s", (result, kind, retryable, retryAfterMs) => {
    const outcome = faultClassifier.outcome(result);
    expect({ ...outcome, retryAfterMs: outcome.retryAfterMs }).toEqual({ kind, retryable, retryAfterMs });
  });
});

test("a call that a time limit gave up is neutral and timed out, one that its caller gave up is not", () => {
  const outcomeOf = (reason: unknown) => faultClassifier.outcome(left(aborted(AbortSignal.abort(reason))));
  expect(outcomeOf(timeoutError("no answer within 10 ms"))).toMatchObject({
    kind: "neutral",
    timedOut: true,
  });
  expect(outcomeOf(undefined).timedOut).toBeUndefined();
});
