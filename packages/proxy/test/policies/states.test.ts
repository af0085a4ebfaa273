import { expect, test } from "vitest";
import { States } from "../../src/policies/states.ts";

/** The layers of a configuration: each state that they hold, until they end. */
function layersOf(states: States) {
  const atEnd: (() => void)[] = [];
  return {
    hold: (name: string, boundTo: unknown = {}) =>
      states.hold(
        name,
        boundTo,
        () => ({}),
        (run) => atEnd.push(run),
      ),
    end: () => {
      for (const run of atEnd) run();
    },
  };
}

test("a state with the same name is shared while a layer holds it", () => {
  const states = new States();
  const [former, next, last] = [layersOf(states), layersOf(states), layersOf(states)];
  const state = former.hold("budget");
  expect(next.hold("budget")).toBe(state);
  former.end();
  expect(last.hold("budget")).toBe(state);
  next.end();
  last.end();
  expect(layersOf(states).hold("budget")).not.toBe(state);
});

test("a state bound to other settings is new, and its holders keep the old one", () => {
  const states = new States();
  const [former, rejected] = [layersOf(states), layersOf(states)];
  const state = former.hold("budget", { ratio: 0.2 });
  expect(rejected.hold("budget", { ratio: 0.3 })).not.toBe(state);
  rejected.end();
  expect(layersOf(states).hold("budget", { ratio: 0.2 })).toBe(state);
});

test("different names have different states", () => {
  const { hold } = layersOf(new States());
  expect(hold("a")).not.toBe(hold("b"));
});
