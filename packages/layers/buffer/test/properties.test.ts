import { isRight, oneshot } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { buffer } from "@pagoda/buffer";
import { polite, rude } from "./inners.ts";

type Step =
  | { readonly do: "call" | "wait" }
  | { readonly do: "leave"; readonly which: number }
  | { readonly do: "open"; readonly calls: number }
  | { readonly do: "pause"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom("call" as const, "wait" as const) }),
  fc.record({ do: fc.constant("leave" as const), which: fc.nat(60) }),
  fc.record({ do: fc.constant("open" as const), calls: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant("pause" as const), ms: fc.nat(30) }),
);

test.each([
  ["keeps the order", polite],
  ["wakes all waiters at once", rude],
])(
  "property: around an inner that %s, keeps order and bound, and no call waits forever",
  async (_what, makeGate) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.boolean()), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
        async (steps, capacity, maxWaitMs) => {
          const clock = virtualClock();
          const gate = makeGate();
          const layered = buffer({ capacity, ...(maxWaitMs !== undefined && { maxWaitMs }), clock })(
            gate.service,
          );
          const callers: AbortController[] = [];
          const refused = new Set<number>();
          for (const [each, settle] of steps) {
            if (each.do === "call" || each.do === "wait") {
              const caller = new AbortController();
              const id = callers.push(caller) - 1;
              const request = `${each.do} ${id}`;
              const result =
                each.do === "call"
                  ? layered.call(request, caller.signal)
                  : oneshot(layered, request, caller.signal);
              void result.then((either) => !isRight(either) && refused.add(id));
            }
            if (each.do === "leave") callers[each.which]?.abort();
            if (each.do === "open") gate.open(each.calls);
            if (each.do === "pause") await clock.advance(each.ms);
            if (settle) await settled();
            expect(layered.describe().state?.["queued"]).toBeLessThanOrEqual(capacity);
          }
          await settled();
          // From here on there is room for all: a call that has neither been made nor dropped would
          // wait forever.
          gate.open(callers.length);
          for (let round = 0; round <= callers.length; round++) await settled();
          expect(gate.uninvited).toBe(0);
          expect(layered.describe().state).toEqual({ queued: 0, oldestMs: 0, waiting: 0 });
          expect(clock.pending).toBe(0);
          const accounted = new Set([...refused, ...gate.called.map((request) => Number(request.slice(5)))]);
          expect(accounted.size).toBe(callers.length);
          // A call made without asking may overtake one that waits for room; each kind keeps its
          // order.
          for (const kind of ["call", "wait"]) {
            const order = gate.called
              .filter((one) => one.startsWith(kind))
              .map((one) => Number(one.slice(5)));
            expect(order).toEqual(order.toSorted((a, b) => a - b));
          }
        },
      ),
      { numRuns: 300 },
    );
  },
);
