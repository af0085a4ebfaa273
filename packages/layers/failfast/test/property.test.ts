import { isLeft, oneshot } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { failfast } from "@pagoda/failfast";

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("come"), at: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("answer", "leave"), at: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("admit"), at: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass"), at: fc.integer({ min: 0, max: 200 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("one tick", "settle"), at: fc.constant(0) }) },
);

test("property: no caller waits without hope for longer than ms, none waits forever, and all keep their order", async () => {
  let refused = 0;
  let recovered = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
      const clock = virtualClock();
      const mock = mockService<number, string>();
      const phase = (): unknown => layered.describe().state?.["phase"];
      const layered = failfast({
        ms: 100,
        clock,
        observer: { refused: () => refused++, recovered: () => recovered++ },
      })(mock.service);
      const controllers: AbortController[] = [];
      const tooLong: number[] = [];
      let limit = 1;
      mock.admit(limit);
      let done = 0;
      const come = (): void => {
        const controller = new AbortController();
        const begun = clock.now();
        const before = mock.calls.length;
        void oneshot(layered, controllers.push(controller), controller.signal).then((result) => {
          done++;
          // Without success: no caller has come through since.
          if (isLeft(result) && mock.calls.length === before && clock.now() - begun > 100)
            tooLong.push(clock.now() - begun);
        });
      };
      for (const { kind, at } of steps) {
        if (kind === "come") come();
        else if (kind === "answer") mock.calls[at % Math.max(1, mock.calls.length)]?.answer("done");
        else if (kind === "leave") controllers[at % Math.max(1, controllers.length)]?.abort();
        else if (kind === "admit") mock.admit((limit = at));
        else if (kind === "pass") await clock.advance(at);
        else if (kind === "settle") await settled();
        else await Promise.resolve();
        if (kind !== "settle" && kind !== "pass") continue;
        // Failing although inner is ready: the recovery was missed.
        if (phase() === "failing" && mock.inFlight < limit) tooLong.push(-1);
      }
      mock.admit(Infinity);
      for (let round = 0; done < controllers.length && round < 100; round++) {
        await settled();
        for (const call of mock.calls) call.answer("done");
      }
      await settled();
      const order = mock.calls.map(({ request }) => request);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(tooLong).toEqual([]);
      expect(done).toBe(controllers.length);
      expect([phase(), clock.pending, mock.uninvited]).toEqual(["passing", 0, 0]);
    }),
    { numRuns: 300 },
  );
  // Guards against a property that holds vacuously.
  expect(Math.min(refused, recovered)).toBeGreaterThan(20);
});
