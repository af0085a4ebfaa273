import { type Aborted, isLeft, type Layer, left, right, ServiceBuilder, service } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { buffer, type BufferFull, type BufferOptions, bufferUsage, type QueueTimedOut } from "@pagoda/buffer";
import { polite, rude } from "./inners.ts";

interface Job {
  readonly id: string;
  readonly priority: number;
  readonly cost: number;
}

const full = (capacity: number): BufferFull => ({
  _tag: "BufferFull",
  origin: "local",
  retryable: true,
  capacity,
});

/** A buffer of jobs in front of an inner that admits none yet. */
function bench(options: Partial<BufferOptions<Job>> = {}) {
  const clock = virtualClock();
  const mock = mockService<Job, string>();
  mock.admit(0);
  const dropped: string[] = [];
  const layered = buffer<Job>({
    capacity: 3,
    priority: (job) => job.priority,
    cost: (job) => job.cost,
    observer: { dropped: (reason) => dropped.push(reason) },
    clock,
    ...options,
  })(mock.service);
  const ended = new Map<string, unknown>();
  function call(id: string, priority = 0, cost = 1, signal?: AbortSignal): void {
    void layered.call({ id, priority, cost }, signal).then((result) => ended.set(id, result));
  }
  /** Ids of the calls that inner has got. */
  const passed = (): readonly string[] => mock.calls.map(({ request }) => request.id);
  return { clock, mock, dropped, layered, ended, call, passed };
}

const byPriority = { priority: () => 1, cost: () => 2 };
describe("buffer with priorities and costs", () => {
  conformance(test, ({ clock }) => buffer({ capacity: 20, ...byPriority, clock }), { ready: "always" });
  conformance(test, ({ clock }) => buffer({ capacity: 2, ...byPriority, clock }));
});

describe("priority", () => {
  test("higher goes first, first come, first served within one", async () => {
    const { call, mock, passed } = bench({ capacity: 10 });
    call("a", 1);
    call("b", 2);
    call("c", 1);
    call("d", 2);
    call("e", 0.5);
    await settled();
    mock.admit(Infinity);
    await settled();
    expect(passed()).toEqual(["b", "d", "a", "c", "e"]);
    expect(mock.uninvited).toBe(0);
  });

  test("a call takes the turn of one that has waited at inner longer", async () => {
    const { call, mock, passed } = bench();
    call("low", 1);
    await settled();
    call("high", 2);
    mock.admit(1);
    await settled();
    expect(passed()).toEqual(["high"]);
    mock.admit(2);
    await settled();
    expect(passed()).toEqual(["high", "low"]);
  });

  test("a turn that was taken is given back if the call leaves", async () => {
    const { call, mock, passed } = bench();
    const leaving = new AbortController();
    call("low", 1);
    await settled();
    call("high", 2, 1, leaving.signal);
    leaving.abort();
    await settled();
    mock.admit(1);
    await settled();
    expect(passed()).toEqual(["low"]);
  });

  test("of a call that passes at once is not asked", async () => {
    const asked: string[] = [];
    const { call, mock } = bench({ priority: ({ id }) => asked.push(id) });
    mock.admit(1);
    call("a");
    call("b");
    expect(asked).toEqual(["b"]);
  });

  test("a wait is limited for every priority", async () => {
    const { call, ended, clock } = bench({ maxWaitMs: 50 });
    call("low", 1);
    await clock.advance(49);
    call("high", 2);
    await clock.advance(1);
    expect(ended.get("low")).toMatchObject(left({ _tag: "QueueTimedOut", waitedMs: 50 }));
    expect(ended.has("high")).toBe(false);
  });

  test("oldestMs is the wait of the oldest call, not of the first", async () => {
    const { call, layered, clock } = bench();
    call("low", 1);
    await clock.advance(30);
    call("high", 2);
    await clock.advance(12);
    expect(layered.describe().state).toMatchObject({ queued: 2, oldestMs: 42 });
  });
});

describe("a full queue", () => {
  test("sheds the lowest priority, and the latest call within one", async () => {
    const { call, ended, dropped, mock, passed } = bench();
    call("a", 1);
    call("b", 1);
    call("c", 2);
    call("d", 3);
    await settled();
    expect(ended).toEqual(new Map([["b", left(full(3))]]));
    expect(dropped).toEqual(["displaced"]);
    mock.admit(Infinity);
    await settled();
    expect(passed()).toEqual(["d", "c", "a"]);
  });

  test("refuses a call of the lowest priority, also one that is equal to another", async () => {
    const { call, ended, dropped } = bench();
    for (const id of ["a", "b", "c"]) call(id, 1);
    call("equal", 1);
    call("lower", 0);
    await settled();
    expect([...ended.keys()]).toEqual(["equal", "lower"]);
    expect(dropped).toEqual(["full", "full"]);
  });

  test("displaces as many as a call costs, and none if that is not enough", async () => {
    const { call, ended } = bench({ capacity: 4 });
    call("a", 1, 1);
    call("b", 3, 1);
    call("c", 1, 2);
    call("too-much", 2, 4);
    await settled();
    expect([...ended.keys()]).toEqual(["too-much"]);
    call("fits", 2, 3);
    await settled();
    expect([...ended.keys()]).toEqual(["too-much", "c", "a"]);
  });

  test("displaced calls free no room for others: it is taken in the same tick", async () => {
    const { call, layered } = bench({ capacity: 1 });
    call("low", 1);
    let woken = false;
    void layered.ready()?.then(() => (woken = true));
    call("high", 2);
    await settled();
    expect(woken).toBe(false);
    expect(layered.describe().state).toMatchObject({ queued: 1, waiting: 1 });
  });
});

describe("cost", () => {
  test("is the room that a call takes until it passes", async () => {
    const { call, ended, mock, layered } = bench({ capacity: 5 });
    call("a", 0, 3);
    call("b", 0, 3);
    call("c", 0, 2);
    await settled();
    expect([...ended.keys()]).toEqual(["b"]);
    expect(layered.ready()).toBeInstanceOf(Promise);
    mock.admit(1);
    await settled();
    expect(layered.ready()).toBeUndefined();
    call("d", 0, 3);
    await settled();
    expect([...ended.keys()]).toEqual(["b"]);
  });

  test("above the capacity is refused in an empty queue, but passes if inner is ready", async () => {
    const { call, ended, mock, passed } = bench();
    call("big", 0, 4);
    await settled();
    expect(ended.get("big")).toEqual(left(full(3)));
    mock.admit(1);
    call("big", 0, 4);
    expect(passed()).toEqual(["big"]);
  });

  test("of a call for which inner throws is given back once", async () => {
    const defect = new Error("a defect");
    let calls = 0;
    const gate = Promise.withResolvers<void>();
    const throwing = service(
      "throwing",
      (_job: Job): Promise<never> => {
        throw defect;
      },
      { ready: () => (calls++ === 0 ? gate.promise : undefined) },
    );
    const usage = bufferUsage();
    const failing = buffer<Job>({ capacity: 3, usage, clock: virtualClock() })(throwing);
    const failed = failing.call({ id: "a", priority: 0, cost: 1 });
    gate.resolve();
    await expect(failed).rejects.toBe(defect);
    const { call, ended } = bench({ usage });
    for (const id of ["a", "b", "c", "d"]) call(id);
    await settled();
    expect([...ended.keys()]).toEqual(["d"]);
  });

  test("is shared by buffers with one usage, which displace only their own calls", async () => {
    const usage = bufferUsage();
    const one = bench({ usage });
    const other = bench({ usage });
    one.call("a", 0, 2);
    other.call("b", 0, 1);
    other.call("high", 9, 2);
    await settled();
    expect([...other.ended.keys()]).toEqual(["high"]);
    expect(one.ended.size).toBe(0);
    other.call("mid", 5, 1);
    await settled();
    expect([...other.ended.keys()]).toEqual(["high", "b"]);
  });
});

test.each([
  ["priority", { priority: () => Number.NaN }, "buffer: priority must be a number (got NaN)"],
  ["priority", { priority: () => Infinity }, "buffer: priority must be a number (got Infinity)"],
  ["cost", { cost: () => 0 }, "buffer: cost must be an integer of at least 1 (got 0)"],
  ["cost", { cost: () => 1.5 }, "buffer: cost must be an integer of at least 1 (got 1.5)"],
])("a %s out of range is a defect: %s", async (_what, options, message) => {
  const { layered } = bench(options);
  const call = layered.call({ id: "a", priority: 0, cost: 1 });
  await expect(call).rejects.toThrow(new RangeError(message));
  expect(layered.describe().state).toMatchObject({ queued: 0 });
});

test("types: the callbacks see the request of the stack", () => {
  const leaf = service("leaf", async (job: Job) => right(job.id));
  const stack = new ServiceBuilder<Job>()
    .layer(buffer({ capacity: 1, priority: (job) => job.priority, cost: (job) => job.cost }))
    .service(leaf);
  expectTypeOf(stack.call).returns.resolves.extract<{ _tag: "Left" }>().toEqualTypeOf<{
    readonly _tag: "Left";
    readonly left: BufferFull | QueueTimedOut | Aborted;
  }>();
  expectTypeOf(buffer({ capacity: 1 })).toEqualTypeOf<
    Layer<unknown, unknown, BufferFull | QueueTimedOut | Aborted>
  >();
  // @ts-expect-error: the request has no such property
  new ServiceBuilder<Job>().layer(buffer({ capacity: 1, priority: (job) => job.rank }));
});

type Step =
  | { readonly do: "call"; readonly priority: number; readonly cost: number }
  | { readonly do: "leave"; readonly which: number }
  | { readonly do: "open"; readonly calls: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("call" as const),
      priority: fc.integer({ min: -1, max: 2 }),
      cost: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat(30) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("open" as const), calls: fc.integer({ min: 1, max: 3 }) }),
  },
);

interface Queued {
  readonly id: number;
  readonly priority: number;
  readonly cost: number;
}

/** What a buffer must do, call by call: which calls pass, and which end with BufferFull. */
class Model {
  readonly passed: number[] = [];
  readonly shed: number[] = [];
  readonly #capacity: number;
  #queue: Queued[] = [];
  #open = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  call(queued: Queued): void {
    this.#queue.push(queued);
    if (this.#queue.length === 1 && this.#open > 0) return this.open(0);
    while (this.#cost() > this.#capacity) {
      const lower = this.#queue.filter(({ priority }) => priority < queued.priority);
      const others = this.#cost() - lower.reduce((sum, { cost }) => sum + cost, 0);
      const last = lower.toSorted((a, b) => a.priority - b.priority || b.id - a.id)[0];
      const victim = others > this.#capacity || last === undefined ? queued : last;
      this.leave(victim.id);
      this.shed.push(victim.id);
    }
  }

  open(calls: number): void {
    this.#open += calls;
    for (; this.#open > 0 && this.#queue.length > 0; this.#open--) {
      const first = this.#queue.toSorted((a, b) => b.priority - a.priority || a.id - b.id)[0] as Queued;
      this.leave(first.id);
      this.passed.push(first.id);
    }
  }

  leave(id: number): void {
    this.#queue = this.#queue.filter((each) => each.id !== id);
  }

  get queued(): number {
    return this.#queue.length;
  }

  #cost(): number {
    return this.#queue.reduce((sum, { cost }) => sum + cost, 0);
  }
}

test.each([
  ["keeps the order", polite],
  ["wakes all waiters at once", rude],
])("property: around an inner that %s, calls pass and are shed as in the model", async (_what, makeGate) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      async (steps, capacity) => {
        const gate = makeGate();
        const calls: Queued[] = [];
        const layered = buffer<string>({
          capacity,
          priority: (id) => (calls[Number(id)] as Queued).priority,
          cost: (id) => (calls[Number(id)] as Queued).cost,
          clock: virtualClock(),
        })(gate.service);
        const model = new Model(capacity);
        const callers: AbortController[] = [];
        const shed: number[] = [];
        for (const each of steps) {
          if (each.do === "call") {
            const caller = new AbortController();
            const id = callers.push(caller) - 1;
            calls.push({ id, priority: each.priority, cost: each.cost });
            void layered.call(String(id), caller.signal).then((result) => {
              if (isLeft(result) && result.left._tag === "BufferFull") shed.push(id);
            });
            model.call(calls[id] as Queued);
          }
          // A call that has passed would free its slot.
          if (each.do === "leave" && !model.passed.includes(each.which)) {
            callers[each.which]?.abort();
            model.leave(each.which);
          }
          if (each.do === "open") {
            gate.open(each.calls);
            model.open(each.calls);
          }
          await settled();
          expect(gate.called.map(Number)).toEqual(model.passed);
          expect(shed).toEqual(model.shed);
          expect(layered.describe().state).toMatchObject({ queued: model.queued });
        }
        expect(gate.uninvited).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

test("property: whatever happens within one tick, no call is lost and none waits forever", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 60 }), async (steps) => {
      const gate = polite();
      const clock = virtualClock();
      const calls: Queued[] = [];
      const layered = buffer<string>({
        capacity: 5,
        priority: (id) => (calls[Number(id)] as Queued).priority,
        cost: (id) => (calls[Number(id)] as Queued).cost,
        clock,
      })(gate.service);
      const callers: AbortController[] = [];
      const refused = new Set<number>();
      for (const [each, settle] of steps) {
        if (each.do === "call") {
          const caller = new AbortController();
          const id = callers.push(caller) - 1;
          calls.push({ id, priority: each.priority, cost: each.cost });
          void layered.call(String(id), caller.signal).then((result) => isLeft(result) && refused.add(id));
        }
        if (each.do === "leave") callers[each.which]?.abort();
        if (each.do === "open") gate.open(each.calls);
        if (settle) await settled();
      }
      await settled();
      gate.open(callers.length);
      for (let round = 0; round <= callers.length; round++) await settled();
      expect(gate.uninvited).toBe(0);
      expect(layered.describe().state).toEqual({ queued: 0, oldestMs: 0, waiting: 0 });
      expect(clock.pending).toBe(0);
      expect(new Set([...refused, ...gate.called.map(Number)]).size).toBe(callers.length);
    }),
    { numRuns: 300 },
  );
});
