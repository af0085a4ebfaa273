import { left, right, service, ServiceBuilder, systemClock, systemRandom } from "@pagoda/core";
import {
  callNotes,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  httpResponse,
  type HttpResponse,
} from "@pagoda/http";
import { grpcClassifier } from "@pagoda/grpc";
import { eventMetrics } from "@pagoda/metrics";
import { rateLimit, type RateLimited } from "@pagoda/rate-limit";
import { respond } from "@pagoda/respond";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { layerDurations } from "../../src/policies/layer-durations.ts";
import { ownPolicies } from "../../src/config/own-policies.ts";
import { answersBy, grpcStatusesBy } from "../../src/policies/answers.ts";
import { definePolicy } from "../../src/policies/policy.ts";
import { policyLayer } from "../../src/policies/stack.ts";
import { States } from "../../src/policies/states.ts";

/** A policy made of a layer that a built-in policy is made of, too. */
function limit(name: string, status: number) {
  return definePolicy({
    name,
    at: ["route"],
    before: "timeout",
    schema: ({ whole }) => whole(1, 100).optional(),
    layer: (burst) => rateLimit<HttpRequest>({ global: { perSecond: 0.001, burst } }),
    answers: { RateLimited: { status, message: `refused by ${name}` } },
  });
}

const limited: RateLimited = {
  _tag: "RateLimited",
  origin: "local",
  retryable: true,
  retryAfterMs: 1_000,
  by: "global",
} as never;

/** The status and body of calls to a route with these settings; the leaf raises the same error. */
async function answersOf(settings: object, calls: number, headers: Readonly<Record<string, string>> = {}) {
  const policies = ownPolicies([limit("quota", 402), limit("trial", 403)]);
  const layer = policyLayer(policies, "route", settings as never, {
    place: "route all",
    labels: {},
    log: pino({ level: "silent" }),
    classifier: grpcClassifier(),
    clock: systemClock,
    random: systemRandom,
    files: new Map(),
    events: eventMetrics({ registry: new Registry() }),
    durations: layerDurations(new Registry()),
    states: new States(),
    atEnd: () => {},
    sharedStore: undefined,
    cluster: () => service("none", async () => right(httpResponse(200))),
  });
  const leaf = service("leaf", async (request: HttpRequest) =>
    request.headers.has("x-inner") ? left(limited) : right(httpResponse(200)),
  );
  const stack = new ServiceBuilder<never>()
    .layer(respond(answersBy(policies)))
    .layer(layer)
    .service(leaf) as never as { call(request: unknown): Promise<{ right: HttpResponse }> };
  const answers: (readonly [status: number, line: string | undefined])[] = [];
  for (let at = 0; at < calls; at++) {
    const request = httpRequest("http://shop.example/", { headers: HttpHeaders.of(headers) });
    const client = { address: "192.0.2.1" };
    const { right: response } = await stack.call({ ...request, client, requestId: "1", notes: callNotes() });
    const body = await response.body.text();
    answers.push([response.status, "right" in body ? body.right.split("\n")[0] : undefined]);
  }
  return answers;
}

test("policies made of the same layer as a built-in one answer their own errors", async () => {
  expect(await answersOf({ quota: 1 }, 2)).toEqual([
    [200, ""],
    [402, "402 refused by quota"],
  ]);
  expect(await answersOf({ quota: 1, trial: 2 }, 3)).toEqual([
    [200, ""],
    [402, "402 refused by quota"],
    [402, "402 refused by quota"],
  ]);
  expect(await answersOf({ quota: 9, trial: 1 }, 2)).toEqual([
    [200, ""],
    [403, "403 refused by trial"],
  ]);
});

test("the built-in policy keeps its answer, in front of and inside of them", async () => {
  const rate = { global: { rate: 0.001, burst: 1 } };
  const [, [status, body] = []] = await answersOf({ rateLimit: rate, quota: 9 }, 2);
  expect(status).toBe(429);
  expect(body).not.toContain("refused by");
  const inner = await answersOf({ quota: 9, trial: 9 }, 1, { "x-inner": "yes" });
  expect(inner).toEqual([[429, expect.not.stringContaining("refused by")]]);
});

test("gRPC clients get the status of the first policy with the error", () => {
  expect(grpcStatusesBy(ownPolicies([limit("quota", 402)]))).toMatchObject({
    RateLimited: "RESOURCE_EXHAUSTED",
  });
});
