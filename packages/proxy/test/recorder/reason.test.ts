import { type Fault } from "@pagoda/core";
import { CutOff, httpRequest, httpResponse, tryBegan, tryEnded } from "@pagoda/http";
import { right } from "@pagoda/core";
import type { CallEnd } from "@pagoda/metrics";
import { describe, expect, test } from "vitest";
import { endingOf, reasonOf } from "../../src/recorder/reason.ts";

const slowMs = 1_000;

/** A GET that was answered with 200 in 10 ms, except for what is given. */
function end(given: Partial<CallEnd> = {}): CallEnd {
  return {
    request: httpRequest("http://shop.test/cart"),
    signal: undefined,
    response: httpResponse(200, "ok"),
    fault: undefined,
    isComplete: true,
    grpcStatus: undefined,
    startedAt: 0,
    endedAt: 10,
    ...given,
  };
}

const fault = (origin: Fault["origin"], _tag = "Any"): Fault => ({ _tag, origin, retryable: false });
const gone = AbortSignal.abort();
const cutOff = AbortSignal.abort(new CutOff("too slow"));

/** A request whose last try was answered after these milliseconds. */
function answeredAfter(...ms: readonly number[]) {
  const request = httpRequest("http://shop.test/cart");
  for (const each of ms)
    tryEnded(request.notes, tryBegan(request.notes, "http://a", 0), right(httpResponse(200)), each, false);
  return request;
}

describe("a call is kept as", () => {
  test.each<[string, string | undefined, Partial<CallEnd>]>([
    ["nothing: it succeeded at once", undefined, {}],
    ["nothing: an origin's 404", undefined, { response: httpResponse(404) }],
    ["refused: a local fault", "refused", { fault: fault("local"), response: httpResponse(404) }],
    ["failed: an upstream fault", "failed", { fault: fault("upstream"), response: httpResponse(502) }],
    ["failed: an error without a response", "failed", { fault: fault("upstream"), response: undefined }],
    ["failed: a defect", "failed", { response: undefined, isComplete: false }],
    ["failed: an origin's 5xx", "failed", { response: httpResponse(500) }],
    ["refused: an origin's 429", "refused", { response: httpResponse(429) }],
    ["failed: gRPC UNAVAILABLE", "failed", { grpcStatus: 14 }],
    ["nothing: gRPC NOT_FOUND", undefined, { grpcStatus: 5 }],
    ["refused: gRPC RESOURCE_EXHAUSTED", "refused", { grpcStatus: 8 }],
    ["failed: a response that broke off", "failed", { isComplete: false }],
    ["nothing: the discarded body of a 304", undefined, { isComplete: false, response: httpResponse(304) }],
    ["nothing: a client that left soon", undefined, { isComplete: false, signal: gone }],
    ["refused: a client that was cut off", "refused", { isComplete: false, signal: cutOff }],
    ["refused: an upload that was cut off", "refused", { fault: fault("local", "Aborted"), signal: cutOff }],
    ["nothing: one before the cut-off of its connection", undefined, { signal: cutOff }],
    ["slow: a client that left late", "slow", { isComplete: false, signal: gone, endedAt: slowMs }],
    ["slow: a late head", "slow", { request: answeredAfter(slowMs), endedAt: slowMs }],
    ["nothing: a long body", undefined, { request: answeredAfter(slowMs - 1), endedAt: 60_000 }],
    ["recovered: a second try", "recovered", { request: answeredAfter(1, 2) }],
  ])("%s", (_, reason, given) => {
    const call = end(given);
    expect(reasonOf(call, endingOf(call), slowMs)).toBe(reason);
  });
});
