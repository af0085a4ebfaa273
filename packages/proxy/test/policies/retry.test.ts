import { type Fault, left, right, systemClock } from "@pagoda/core";
import { httpResponse } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { policySchemas } from "../../src/config/schema/policies.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { retryClassifier } from "../../src/policies/retry.ts";

function classifierOf(on: object) {
  const { retry } = policySchemas(builtInPolicies).route.parse({ retry: { on } });
  return retryClassifier((retry as NonNullable<typeof retry>).on, systemClock);
}

function retried(on: object, fault: Partial<Fault>): boolean {
  const whole = { _tag: "ConnectionBroken", origin: "upstream", retryable: true, ...fault };
  return classifierOf(on).outcome(left(whole)).retryable;
}

const refused = { _tag: "ConnectFailed", processed: false } as const;
const refusedStream = { processed: false } as const;

describe("retry.on", () => {
  test.each([
    [{}, [429, 502, 503, 504]],
    [{ statuses: [500, 503] }, [500, 503]],
    [{ statuses: ["4xx", 501] }, [400, 404, 429, 499, 501]],
    [{ statuses: [] }, []],
  ])("%j matches exactly the statuses %j", (on, matches) => {
    const { outcome } = classifierOf(on);
    const tried = [200, 400, 404, 429, 499, 500, 501, 502, 503, 504, 599];
    expect(tried.filter((status) => outcome(right(httpResponse(status))).retryable)).toEqual(matches);
  });

  test.each([
    [{}, ["14", "8"]],
    [{ grpc: ["deadline-exceeded", "internal"] }, ["4", "13"]],
    [{ grpc: [] }, []],
  ])("%j matches exactly the gRPC statuses %j", (on, matches) => {
    const { outcome } = classifierOf(on);
    const type = { "content-type": "application/grpc" };
    const tried = ["0", "4", "13", "14", "8", "9"].filter(
      (status) => outcome(right(httpResponse(200, "", { ...type, "grpc-status": status }))).retryable,
    );
    expect(tried.toSorted()).toEqual(matches.toSorted());
  });

  test("connectFailure matches requests that were never processed", () => {
    for (const fault of [refused, refusedStream]) {
      expect(retried({}, fault)).toBe(true);
      expect(retried({ reset: false }, fault)).toBe(true);
      expect(retried({ connectFailure: false }, fault)).toBe(false);
    }
  });

  test("reset matches origins that did not respond", () => {
    for (const _tag of ["ConnectionBroken", "HeadersTimedOut", "TimedOut"]) {
      expect(retried({}, { _tag })).toBe(true);
      expect(retried({ connectFailure: false }, { _tag })).toBe(true);
      expect(retried({ reset: false }, { _tag })).toBe(false);
    }
  });

  test("ignores faults marked as not retryable", () => {
    expect(retried({}, { retryable: false })).toBe(false);
    expect(retried({}, { _tag: "NoEndpointReady", origin: "local" })).toBe(true);
  });
});
