import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SentEndpoints } from "../../src/control/sent-endpoints.ts";
import { CentralEndpoints } from "../../src/data-plane/central-endpoints.ts";

const source = fc.constantFrom("shop", "cart");
const endpoints = fc
  .uniqueArray(fc.integer({ min: 1, max: 9 }))
  .map((ports) => ports.map((port) => ({ key: `http://10.0.0.1:${port}` })));
const update = fc.record({ source, endpoints });
const keep = fc.record({ kept: fc.uniqueArray(source) });

test("a worker has the endpoints of the main process after any updates, and after sources come again", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(update, keep)), (steps) => {
      const sent = new SentEndpoints();
      const worker = new CentralEndpoints();
      for (const step of steps) {
        if ("kept" in step) {
          sent.keep(new Set(step.kept));
          worker.keep(new Set(step.kept));
          continue;
        }
        worker.receive(sent.update({ ...step, lastError: undefined, state: {} }));
        expect(worker.of(step.source).endpoints).toEqual(step.endpoints);
      }
    }),
  );
});

test("a source that is sent again unchanged costs no endpoints", () => {
  const sent = new SentEndpoints();
  const central = {
    source: "shop",
    endpoints: [{ key: "http://10.0.0.1:80" }],
    lastError: undefined,
    state: {},
  };
  sent.update(central);
  expect(sent.update(central).edits).toEqual([[0, 1]]);
});
