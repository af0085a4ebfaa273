import assert from "node:assert/strict";
import { anyReady, isLeft, isReady, left, oneshot, type Service } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { full, Limit, limited } from "./limits.ts";

interface Caller {
  readonly name: string;
  readonly gate: number;
  readonly controller: AbortController;
  state: "waits" | "called" | "left";
}

/**
 * Callers wait at a gate: one stack of limits, or several stacks, one of which is enough, as a
 * balancer has them. Stacks name their limits by index, outermost first, so that two of them may
 * share one.
 */
type Gate = readonly (readonly number[])[];

interface World {
  readonly limits: readonly number[];
  readonly gates: readonly Gate[];
}

const world: fc.Arbitrary<World> = fc
  .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 })
  .chain((limits) => {
    const stack = fc.uniqueArray(fc.nat(limits.length - 1), { minLength: 1, maxLength: 3 });
    const gate = fc.oneof(
      { weight: 3, arbitrary: stack.map((one) => [one]) },
      { weight: 1, arbitrary: fc.array(stack, { minLength: 2, maxLength: 3 }) },
    );
    return fc.record({
      limits: fc.constant(limits),
      gates: fc.array(gate, { minLength: 1, maxLength: 3 }),
    });
  });

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("come" as const), at: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("answer" as const), at: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), at: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("one tick" as const), at: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("settle" as const), at: fc.constant(0) }) },
);

class Run {
  readonly limits: readonly Limit[];
  readonly gates: readonly Service<Caller, string, unknown>[];
  readonly mock = mockService<Caller, string>();
  readonly callers: Caller[] = [];
  readonly refused: string[] = [];
  readonly defects: unknown[] = [];
  asks = 0;

  constructor({ limits, gates }: World) {
    this.limits = limits.map((max) => new Limit(max));
    this.gates = gates.map((gate) => this.#gate(gate.map((stack) => this.#stack(stack))));
  }

  #stack(indexes: readonly number[]): Service<Caller, string, unknown> {
    return indexes.reduceRight<Service<Caller, string, unknown>>(
      (inner, index) => limited(this.limits[index] as Limit)(inner),
      this.mock.service,
    );
  }

  #gate(stacks: readonly Service<Caller, string, unknown>[]): Service<Caller, string, unknown> {
    return {
      ready: () => {
        this.asks++;
        return anyReady(stacks);
      },
      call: (caller, signal) => {
        caller.state = "called";
        return stacks.find(isReady)?.call(caller, signal) ?? Promise.resolve(left(full));
      },
      describe: () => ({ name: "gate" }),
    };
  }

  come(at: number): void {
    const gate = at % this.gates.length;
    const controller = new AbortController();
    const caller: Caller = { name: `${this.callers.length}`, gate, controller, state: "waits" };
    this.callers.push(caller);
    const chosen = this.gates[gate] as Service<Caller, string, unknown>;
    oneshot(chosen, caller, controller.signal).then(
      (result) => {
        if (caller.state === "waits") caller.state = "left";
        else if (isLeft(result) && result.left === full) this.refused.push(caller.name);
      },
      (defect: unknown) => this.defects.push(defect),
    );
  }

  answer(at: number): void {
    this.mock.calls[at % Math.max(1, this.mock.calls.length)]?.answer("done");
  }

  leave(at: number): void {
    this.callers[at % Math.max(1, this.callers.length)]?.controller.abort();
  }

  /** Invariants whenever everything has settled. */
  check(gates: readonly Gate[]): void {
    assert.deepEqual(this.defects, []);
    assert.deepEqual(this.refused, [], "admitted, then refused");
    for (const { max, peak } of this.limits)
      assert.ok(peak <= max, `${peak} in use where ${max} are allowed`);
    const isFull = this.limits.map(({ inUse, max }) => inUse >= max);
    for (const { name, gate, state } of this.callers) {
      const couldGo = gates[gate]?.some((stack) => stack.every((index) => !isFull[index]));
      assert.ok(state !== "waits" || !couldGo, `${name} waits although it could go`);
    }
    for (const gate of gates.keys()) {
      const called = this.mock.calls.map((call) => call.request).filter((caller) => caller.gate === gate);
      const names = called.map((caller) => Number(caller.name));
      const inOrder = names.toSorted((a, b) => a - b);
      assert.deepEqual(names, inOrder, "waiters at one gate are admitted in order");
    }
  }
}

async function play(
  { limits, gates }: World,
  steps: readonly { readonly kind: string; readonly at: number }[],
): Promise<Run> {
  const run = new Run({ limits, gates });
  for (const { kind, at } of steps) {
    if (kind === "come") run.come(at);
    else if (kind === "answer") run.answer(at);
    else if (kind === "leave") run.leave(at);
    else if (kind === "one tick") await Promise.resolve();
    else {
      await settled();
      run.check(gates);
    }
  }
  for (let round = 0; round <= run.callers.length; round++) {
    await settled();
    run.check(gates);
    for (const call of run.mock.calls) call.answer("done");
  }
  await settled();
  return run;
}

test("property: no wake-up is lost, no limit exceeded, no waiter overtaken or woken twice", async () => {
  await fc.assert(
    fc.asyncProperty(world, fc.array(step, { maxLength: 60 }), async (world, steps) => {
      const run = await play(world, steps);
      run.check(world.gates);
      expect(run.callers.filter(({ state }) => state === "waits")).toEqual([]);
      expect(run.limits.map(({ inUse }) => inUse)).toEqual(run.limits.map(() => 0));
      expect(run.limits.map(({ waiting }) => waiting.size)).toEqual(run.limits.map(() => 0));
    }),
    { numRuns: 500 },
  );
});

test("property: with one limit, an admitted caller has asked once, or twice if it waited", async () => {
  const oneLimit = world.map(({ limits, gates }) => ({
    limits,
    gates: gates.map(([stack = [0]]) => [stack.slice(0, 1)]),
  }));
  await fc.assert(
    fc.asyncProperty(oneLimit, fc.array(step, { maxLength: 60 }), async (world, steps) => {
      const run = await play(world, steps);
      expect(run.asks).toBeLessThanOrEqual(2 * run.callers.length);
    }),
  );
});
