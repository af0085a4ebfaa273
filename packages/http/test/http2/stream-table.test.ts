import * as fc from "fast-check";
import { expect, test } from "vitest";
import { StreamTable } from "../../src/http2/stream-table.ts";

test("StreamTable finds what a Map finds, with streams of any age", () => {
  // Each number adds that many streams, or removes the one at that share of all.
  const steps = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0, max: 0.999, noNaN: true })),
    {
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const table = new StreamTable<{ id: number }>();
      const map = new Map<number, { id: number }>();
      let next = 1;
      for (const step of all) {
        if (Number.isInteger(step) && step > 0)
          for (let n = 0; n < step; n++, next += 2) {
            const stream = { id: next };
            table.add(stream);
            map.set(next, stream);
            // Most streams are short.
            if (n % 4 > 0) {
              table.delete(next);
              map.delete(next);
            }
          }
        else {
          const id = [...map.keys()][Math.floor(step * map.size)] ?? 0;
          table.delete(id);
          map.delete(id);
        }
        expect(table.size).toBe(map.size);
      }
      for (let id = 1; id < next + 10; id += 2) expect(table.get(id)).toBe(map.get(id));
      expect(table.all()).toEqual([...map.values()]);
    }),
  );
});
