import { expect, test } from "vitest";
import { KeptCalls } from "../../src/recorder/kept-calls.ts";

const second = 1_000;

test("keeps the last calls, up to the maximum", () => {
  const kept = new KeptCalls<number>();
  for (let n = 0; n < 10; n++) kept.offer("a", n * second, 3, () => n);
  expect([...kept]).toEqual([7, 8, 9]);
  expect(kept.size).toBe(3);
});

test("a flood of one kind pushes out only its own", () => {
  const kept = new KeptCalls<string>();
  kept.offer("rare", 0, 10, () => "rare");
  for (let n = 0; n < 100_000; n++) kept.offer("flood", n, 10, () => "flood");
  expect([...kept].filter((call) => call === "rare")).toEqual(["rare"]);
  expect(kept.size).toBe(10);
});

test("a flood makes at most 20 records in a second", () => {
  const kept = new KeptCalls<number>();
  let made = 0;
  for (let n = 0; n < 10_000; n++) kept.offer("flood", n / 10, 1_000, () => made++);
  expect(made).toBe(20);
});

test("many kinds make at most 100 records in a second, and one each in any case", () => {
  const kept = new KeptCalls<number>();
  const made = new Map<number, number>();
  for (let n = 0; n < 20_000; n++)
    kept.offer(`kind ${n % 200}`, 0, 1_000, () => made.set(n % 200, (made.get(n % 200) ?? 0) + 1).size);
  expect(made.size).toBe(200);
  expect(kept.size).toBe(200);
});

test("expired calls are dropped, and kinds without calls forgotten", () => {
  const kept = new KeptCalls<number>();
  kept.offer("a", 0, 10, () => 0);
  kept.offer("b", 5 * second, 10, () => 5);
  kept.expire(second);
  expect([...kept]).toEqual([5]);
  expect(kept.size).toBe(1);
});
