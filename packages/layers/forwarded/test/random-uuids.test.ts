import { expect, test } from "vitest";
import { randomUuids } from "../src/random-uuids.ts";

test("makes distinct random UUIDs of version 4, over several batches", () => {
  const next = randomUuids();
  const ids = Array.from({ length: 1_000 }, next);
  for (const id of ids)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(new Set(ids).size).toBe(ids.length);
  // Every random digit takes every value.
  for (let at = 0; at < 36; at++) {
    const count = new Set(ids.map((id) => id[at])).size;
    expect(count).toBe(at === 19 ? 4 : [8, 13, 14, 18, 23].includes(at) ? 1 : 16);
  }
});
