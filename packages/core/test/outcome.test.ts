import { faultClassifier, left, right } from "@pagoda/core";
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
