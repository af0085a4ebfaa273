import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import type { Span, Tracer } from "@opentelemetry/api";
import { type Either, left, right, service } from "@pagoda/core";
import { type VirtualClock, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientSpan, serverSpan } from "@pagoda/tracing";
import { get, type Refused, refused, sdk } from "./bench.ts";
import { nowhere, TestBody } from "./test-body.ts";

/** A call and its outcome. Times are in milliseconds. */
interface Plan {
  readonly startMs: number;
  readonly headMs: number;
  readonly bodyMs: number;
  readonly abortMs: number;
  readonly ends: "empty" | "complete" | "broken" | "cancelled" | "error" | "defect" | "thrown";
  readonly status: number;
}

const plans: fc.Arbitrary<Plan[]> = fc.array(
  fc.record({
    startMs: fc.nat(100),
    headMs: fc.nat(100),
    bodyMs: fc.nat(100),
    // Most are not aborted: later times are past the end of every call.
    abortMs: fc.oneof(fc.nat(300), fc.constant(1_000)),
    ends: fc.constantFrom("empty", "complete", "broken", "cancelled", "error", "defect", "thrown"),
    status: fc.constantFrom(200, 204, 404, 503),
  }),
  { maxLength: 20 },
);

/** Answers each request as planned. */
function planned(clock: VirtualClock) {
  return service<HttpRequest & { readonly plan: Plan }, HttpResponse, Refused>(
    "planned",
    ({ plan }, signal) => {
      if (plan.ends === "thrown") throw new Error("thrown");
      return new Promise<Either<Refused, HttpResponse>>((resolve, reject) => {
        clock.setTimer(plan.headMs, () => {
          if (plan.ends === "defect") reject(new Error("a defect"));
          else if (plan.ends === "error" || signal?.aborted) resolve(left(refused));
          else resolve(right(responseTo(plan, clock, signal)));
        });
      });
    },
  );
}

function responseTo({ status, ends, bodyMs }: Plan, clock: VirtualClock, signal?: AbortSignal): HttpResponse {
  if (ends === "empty") return httpResponse(status);
  const body = new TestBody();
  signal?.addEventListener("abort", () => body.cancel());
  clock.setTimer(bodyMs, () => {
    if (ends === "complete") body.end();
    else if (ends === "broken") body.break();
    else body.cancel();
  });
  return { ...httpResponse(status), body };
}

/** A tracer that counts how often each span is ended. */
function counting(): { readonly tracer: Tracer; readonly ends: number[] } {
  const { tracer } = sdk();
  const ends: number[] = [];
  const counted: Tracer = Object.assign(Object.create(tracer), {
    startSpan(...args: Parameters<Tracer["startSpan"]>): Span {
      const span = tracer.startSpan(...args);
      const at = ends.push(0) - 1;
      const end = span.end.bind(span);
      return Object.assign(span, {
        end() {
          (ends[at] as number)++;
          end();
        },
      });
    },
  });
  return { tracer: counted, ends };
}

describe("properties", () => {
  test("every started span is ended once", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (all) => {
        const clock = virtualClock();
        const { tracer, ends } = counting();
        const layered = serverSpan({ tracer })(clientSpan({ tracer })(planned(clock)));
        let outcomes = 0;
        for (const plan of all) {
          const controller = new AbortController();
          clock.setTimer(plan.startMs, () => {
            layered.call({ ...get(), plan }, controller.signal).then(
              (result) => {
                outcomes++;
                if (result._tag === "Right" && result.right.body.length === undefined) {
                  if (!controller.signal.aborted) result.right.body.pipe(nowhere);
                }
              },
              () => outcomes++,
            );
          });
          clock.setTimer(plan.abortMs, () => controller.abort());
        }
        await clock.runAll();
        expect(outcomes).toBe(all.length);
        expect(ends).toEqual(all.flatMap(() => [1, 1]));
      }),
    );
  });
});
