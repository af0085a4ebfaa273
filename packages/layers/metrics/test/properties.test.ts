import { emptyBody, type HttpRequest, httpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { type Either, type Fault, left, right, service } from "@pagoda/core";
import { type VirtualClock, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { metrics } from "@pagoda/metrics";
import { nowhere, samples, TestBody } from "./bench.ts";

/** A call and its outcome. Times are in milliseconds. */
interface Plan {
  readonly method: string;
  readonly status: number;
  readonly upstream: string | undefined;
  readonly startMs: number;
  readonly headMs: number;
  readonly bodyMs: number;
  readonly ends: "empty" | "complete" | "broken" | "cancelled" | "answered error" | "error" | "defect";
}

const fault: Fault = { _tag: "Refused", origin: "local", retryable: false };
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
const buckets = [0.05, 0.1, 0.4, 1];

/** Outcomes with a body that takes time. */
const streamed: ReadonlySet<Plan["ends"]> = new Set(["complete", "broken", "cancelled"]);

const plans: fc.Arbitrary<Plan[]> = fc.array(
  fc.record({
    method: fc.oneof(fc.constantFrom(...methods), fc.string()),
    status: fc.constantFrom(200, 404, 503),
    upstream: fc.constantFrom(undefined, "http://a:1", "http://b:1"),
    startMs: fc.nat(1_000),
    headMs: fc.nat(500),
    bodyMs: fc.nat(1_000),
    ends: fc.constantFrom("empty", "complete", "broken", "cancelled", "answered error", "error", "defect"),
  }),
  { maxLength: 30 },
);

/** Answers each request as planned. */
function planned(clock: VirtualClock) {
  return service(
    "planned",
    ({ plan, notes }: HttpRequest & { readonly plan: Plan }) =>
      new Promise<Either<Fault, HttpResponse>>((resolve, reject) => {
        clock.setTimer(plan.headMs, () => {
          if (plan.ends === "defect") reject(new Error("a defect"));
          else if (plan.ends === "error") resolve(left(fault));
          else {
            notes.upstream = plan.upstream;
            resolve(right(responseTo(plan, clock)));
          }
        });
      }),
  );
}

function responseTo({ status, ends, bodyMs }: Plan, clock: VirtualClock): HttpResponse {
  const response = httpResponse(status);
  if (ends === "answered error") return { ...response, fault };
  if (ends === "empty") return { ...response, body: emptyBody };
  const body = new TestBody();
  clock.setTimer(bodyMs, () => {
    if (ends === "complete") body.end();
    else if (ends === "broken") body.break();
    else body.cancel();
  });
  return { ...response, body };
}

/** Makes the calls and reads the responses. */
async function run(all: readonly Plan[], clock: VirtualClock, registry: Registry): Promise<void> {
  const layered = metrics({ registry, clock, buckets })(planned(clock));
  for (const plan of all) {
    clock.setTimer(plan.startMs, () => {
      const request = { ...httpRequest("http://shop.example/"), method: plan.method, plan };
      layered.call(request).then(
        (result) => {
          if (result._tag === "Right") result.right.body.pipe(nowhere);
        },
        () => {},
      );
    });
  }
}

/** Expected samples, computed naively. */
function expected(all: readonly Plan[]): Map<string, number> {
  const found = new Map<string, number>();
  const add = (name: string, value: number): void => void found.set(name, (found.get(name) ?? 0) + value);
  for (const { method, status, upstream, headMs, bodyMs, ends } of all) {
    const failed = ends === "error" || ends === "defect";
    const seconds = (headMs + (streamed.has(ends) ? bodyMs : 0)) / 1_000;
    const labels = [
      `method="${methods.includes(method) ? method : "OTHER"}"`,
      `status="${failed ? "error" : status}"`,
      `upstream="${failed ? "none" : (upstream ?? "none")}"`,
    ].join(",");
    const duration = "http_request_duration_seconds";
    add(`http_requests_total{${labels}}`, 1);
    for (const bound of buckets) add(`${duration}_bucket{${labels},le="${bound}"}`, seconds <= bound ? 1 : 0);
    add(`${duration}_bucket{${labels},le="+Inf"}`, 1);
    add(`${duration}_sum{${labels}}`, seconds);
    add(`${duration}_count{${labels}}`, 1);
    if (ends === "error" || ends === "answered error") add('http_local_responses_total{reason="Refused"}', 1);
  }
  return found;
}

/** Rounds away differences caused by the order of summation. */
function rounded(all: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...all].map(([name, value]) => [name, Math.round(value * 1e6) / 1e6]));
}

describe("properties", () => {
  test("the exposed values equal a naive count", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (all) => {
        const [clock, registry] = [virtualClock(), new Registry()];
        await run(all, clock, registry);
        await clock.runAll();
        const inFlight = { http_requests_in_flight: 0 };
        expect(rounded(await samples(registry))).toEqual({ ...rounded(expected(all)), ...inFlight });
      }),
    );
  });

  test("in flight is always started minus ended", async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.nat(2_500), async (all, now) => {
        const [clock, registry] = [virtualClock(), new Registry()];
        await run(all, clock, registry);
        await clock.advance(now);
        const open = all.filter(({ startMs, headMs, bodyMs, ends }) => {
          const endMs = startMs + headMs + (streamed.has(ends) ? bodyMs : 0);
          return startMs <= now && now < endMs;
        });
        expect((await samples(registry)).get("http_requests_in_flight")).toBe(open.length);
      }),
    );
  });

  test("series do not grow with client methods", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string(), { minLength: 1, maxLength: 200 }), async (sent) => {
        const registry = new Registry();
        const layered = metrics({ registry })(
          service("ok", async (_request: HttpRequest) => right(httpResponse(200))),
        );
        for (const method of sent) await layered.call({ ...httpRequest("http://shop.example/"), method });
        const totals = [...(await samples(registry))].filter(([name]) =>
          name.startsWith("http_requests_total{"),
        );
        expect(totals.length).toBeLessThanOrEqual(methods.length + 1);
        expect(totals.reduce((sum, [, calls]) => sum + calls, 0)).toBe(sent.length);
      }),
      { numRuns: 30 },
    );
  });
});
