import { type Outcome, right } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { bench, failed, request } from "./bench.ts";

describe("a failure response", () => {
  function withClassifier() {
    const discarded: unknown[] = [];
    const outcome = (kind: Outcome["kind"], retryable: boolean): Outcome => ({ kind, retryable });
    const classifier = {
      outcome: (result: unknown) =>
        JSON.stringify(result).includes("503") ? outcome("failure", true) : outcome("success", false),
      discard: (response: unknown) => discarded.push(response),
    };
    return { discarded, ...bench({ classifier }) };
  }

  test("is discarded when the next attempt starts, and not before", async () => {
    const { clock, mock, discarded, layered } = withClassifier();
    const result = layered.call(request());
    (await mock.next()).answer("503");
    await clock.advance(99);
    expect(discarded).toEqual([]);
    await clock.advance(1);
    expect(discarded).toEqual(["503"]);
    (await mock.next()).answer("200");
    expect(await result).toEqual(right("200"));
    expect(discarded).toEqual(["503"]);
  });

  test("an error is not discarded", async () => {
    const { clock, mock, discarded, layered } = withClassifier();
    void layered.call(request());
    (await mock.next()).fail({ ...failed, cause: 503 });
    await clock.advance(100);
    (await mock.next()).answer("200");
    expect(discarded).toEqual([]);
  });

  test("is returned unchanged if there is no further attempt", async () => {
    const { clock, mock, discarded, layered } = withClassifier();
    const result = layered.call(request());
    (await mock.next()).answer("503");
    mock.admit(0);
    await clock.advance(100);
    expect(await result).toEqual(right("503"));
    expect(discarded).toEqual([]);
  });

  test("is discarded when the caller aborts", async () => {
    const { mock, discarded, layered } = withClassifier();
    const controller = new AbortController();
    const result = layered.call(request(), controller.signal);
    (await mock.next()).answer("503");
    await settled();
    controller.abort();
    await result;
    expect(discarded).toEqual(["503"]);
  });
});
