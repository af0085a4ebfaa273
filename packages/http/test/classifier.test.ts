import { httpClassifier, HttpHeaders, httpResponse, type HttpResponse, retryAfterMs } from "@pagoda/http";
import { virtualClock } from "@pagoda/core/testing";
import { left, right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { observed, Source } from "./bodies.ts";

const clock = virtualClock(Date.UTC(2026, 10, 23, 12));
const classifier = httpClassifier({ clock });

describe("httpClassifier", () => {
  test.each([
    [200, "success", false],
    [304, "success", false],
    [404, "success", false],
    [429, "limited", true],
    [500, "failure", false],
    [501, "failure", false],
    [502, "failure", true],
    [503, "failure", true],
    [504, "failure", true],
    [505, "failure", false],
  ])("reads %d as %s, retryable: %s", (status, kind, retryable) => {
    expect(classifier.outcome(right(httpResponse(status)))).toMatchObject({ kind, retryable });
  });

  test("honours Retry-After", () => {
    const response = httpResponse(503, "", { "retry-after": "7" });
    expect(classifier.outcome(right(response))).toMatchObject({ kind: "failure", retryAfterMs: 7_000 });
  });

  test("classifies a response with a fault as that fault", () => {
    const fault = { _tag: "Shed", origin: "local", retryable: true } as const;
    const response: HttpResponse = { ...httpResponse(503), fault };
    expect(classifier.outcome(right(response))).toMatchObject({ kind: "neutral", retryable: true });
    expect(classifier.outcome(left(fault))).toMatchObject({ kind: "neutral", retryable: true });
  });

  test("discards a response by cancelling its body", () => {
    const source = new Source();
    classifier.discard({ ...httpResponse(200), body: source });
    expect(observed(source)).toEqual([false]);
  });
});

describe("retryAfterMs", () => {
  test.each([
    ["0", 0],
    ["120", 120_000],
    ["Mon, 23 Nov 2026 12:00:30 GMT", 30_000],
    ["Monday, 23-Nov-26 12:00:30 GMT", 30_000],
    ["Mon Nov 23 12:00:30 2026", 30_000],
    ["Mon, 23 Nov 2026 11:00:00 GMT", 0],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["Mon Nov 23 12:00:30 2026 GMT", undefined],
    ["2026-11-23", undefined],
    ["", undefined],
  ])("reads %j as %s", (value, expected) => {
    expect(retryAfterMs(HttpHeaders.of({ "retry-after": value }), clock)).toBe(expected);
  });

  test("is undefined without the field", () => {
    expect(retryAfterMs(HttpHeaders.empty, clock)).toBeUndefined();
  });
});
