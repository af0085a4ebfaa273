import { mockService, settled } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { test } from "vitest";
import { coalesce } from "@pagoda/coalesce";
import assert from "node:assert/strict";

interface Caller {
  readonly key: string;
  readonly controller: AbortController;
  readonly results: unknown[];
}

const step = fc.oneof(
  fc.record({ join: fc.constantFrom("a", "b", "c") }),
  fc.record({ abort: fc.nat() }),
  fc.record({ answer: fc.nat() }),
  fc.record({ fail: fc.nat() }),
  fc.record({ reject: fc.nat() }),
  fc.record({ settle: fc.constant(true) }),
);

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(1, list.length)];
}

test("property: one result per caller, one call per key, aborted when all callers have left", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const mock = mockService<string, number, string>();
      const layered = coalesce<string>({ key: (request) => request })(mock.service);
      const callers: Caller[] = [];
      /** Calls to inner that the test has settled: their callers have a result, or are about to. */
      const done = new Set<(typeof mock.calls)[number]>();
      const waiting = (): Caller[] => callers.filter(({ results }) => results.length === 0);
      const open = () => mock.calls.filter((call) => !done.has(call) && !call.signal?.aborted);

      for (const each of steps) {
        if ("join" in each) {
          const caller: Caller = { key: each.join, controller: new AbortController(), results: [] };
          callers.push(caller);
          const note = (result: unknown): void => void caller.results.push(result);
          layered.call(each.join, caller.controller.signal).then(note, note);
        } else if ("abort" in each) {
          pick(waiting(), each.abort)?.controller.abort();
          // Aborted in the same tick, if no caller of that key is left.
          for (const call of open()) {
            const staying = waiting().some(
              ({ key, controller }) => key === call.request && !controller.signal.aborted,
            );
            assert.ok(staying, "a call in flight has a caller");
          }
        } else if ("settle" in each) {
          await settled();
        } else {
          const [how, at] = Object.entries(each)[0] as ["answer" | "fail" | "reject", number];
          const call = pick(open(), at);
          if (call === undefined) continue;
          done.add(call);
          if (how === "answer") call.answer(mock.calls.indexOf(call));
          else if (how === "fail") call.fail(`failed ${mock.calls.indexOf(call)}`);
          else call.reject(`defect ${mock.calls.indexOf(call)}`);
          await settled();
        }
        const keys = open().map(({ request }) => request);
        assert.equal(new Set(keys).size, keys.length, "two calls of one key at the same time");
        for (const { key, controller } of waiting()) {
          assert.ok(controller.signal.aborted || keys.includes(key), "a caller waits for no call");
        }
      }

      for (const call of open()) call.answer(mock.calls.indexOf(call));
      await settled();
      for (const { results } of callers) assert.equal(results.length, 1, "one result for each caller");
      assert.equal(mock.inFlight, 0);
      assert.deepEqual(layered.describe().state, { keys: 0, callers: 0 });
    }),
    { numRuns: 300 },
  );
});
