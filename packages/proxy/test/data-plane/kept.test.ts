import { expect, test } from "vitest";
import { Kept } from "../../src/data-plane/kept.ts";

/** Counts what is made. */
function maker(): () => { readonly number: number } {
  let number = 0;
  return () => ({ number: ++number });
}

test("what has the same name and settings goes on", () => {
  const make = maker();
  const first = new Kept();
  const value = first.get("budget", { ratio: 0.2 }, make);
  expect(new Kept(first).get("budget", { ratio: 0.2 }, make)).toBe(value);
});

test("other settings make another one", () => {
  const make = maker();
  const first = new Kept();
  const value = first.get("budget", { ratio: 0.2 }, make);
  const second = new Kept(first);
  const other = second.get("budget", { ratio: 0.3 }, make);
  expect(other).not.toBe(value);
  expect(second.get("budget", { ratio: 0.3 }, make)).toBe(other);
});

test("names are kept apart", () => {
  const make = maker();
  const kept = new Kept();
  expect(kept.get("a", {}, make)).not.toBe(kept.get("b", {}, make));
});

test("what a configuration does not ask for is forgotten", () => {
  const make = maker();
  const first = new Kept();
  const value = first.get("budget", {}, make);
  const second = new Kept(first);
  expect(new Kept(second).get("budget", {}, make)).not.toBe(value);
});
