import {
  type Aborted,
  type Either,
  type Fault,
  isLeft,
  layer,
  left,
  once,
  policy,
  type Replayable,
  right,
} from "@pagoda/core";
import { expect, expectTypeOf, test } from "vitest";

interface Down extends Fault<"Down"> {}
interface Full extends Fault<"Full"> {}
const full: Full = { _tag: "Full", origin: "local", retryable: false };
const down = (cause: unknown): Down => ({ _tag: "Down", origin: "upstream", retryable: true, cause });

/** Refuses calls above a number that all functions of a policy share. */
const atMost = (most: number) =>
  layer<unknown, unknown, Full>("at-most", (inner) => {
    let calls = 0;
    return {
      state: () => ({ calls }),
      call: (request, signal) => (calls++ < most ? inner.call(request, signal) : Promise.resolve(left(full))),
    };
  });

/** Calls inner a second time after an error, if the request allows it. */
const again = () =>
  layer<Replayable>("again", (inner) => ({
    async call(request, signal) {
      const result = await inner.call(request, signal);
      return isLeft(result) && request.replay.canRepeat() ? inner.call(request, signal) : result;
    },
  }));

/** Returns "spare" instead of a Down. */
const spare = () =>
  layer<unknown, unknown, never, Down, "spare">("spare", (inner) => ({
    call: async (request, signal) => {
      const result = await inner.call(request, signal);
      if (!isLeft(result)) return result;
      return isDown(result.left) ? right("spare" as const) : left(result.left);
    },
  }));

function isDown<E>(error: E | Down): error is Down {
  return (error as { readonly _tag?: unknown })._tag === "Down";
}

test("execute returns what the function returns, promise or not", async () => {
  const none = policy();
  expect(await none.execute(async () => 1)).toEqual(right(1));
  expect(await none.execute(() => 2)).toEqual(right(2));
});

test("the layers stand around each function, the first one outermost, and share their state", async () => {
  const both = policy(atMost(1), again());
  const seen: string[] = [];
  expect(await both.execute(async () => seen.push("first"))).toEqual(right(1));
  expect(await both.execute(async () => seen.push("second"))).toEqual(left(full));
  expect(seen).toEqual(["first"]);
  expect(both.describe()).toEqual({
    name: "at-most",
    state: { calls: 2 },
    inner: [{ name: "again", inner: [{ name: "execute" }] }],
  });
});

test("what a function throws is a defect", async () => {
  const defect = new Error("a defect");
  let calls = 0;
  const failing = policy(again()).execute(() => {
    calls++;
    throw defect;
  });
  await expect(failing).rejects.toBe(defect);
  expect(calls).toBe(1);
});

test("onThrow makes it an error, which the layers see", async () => {
  let calls = 0;
  const result = await policy(again())
    .onThrow(down)
    .execute(async () => {
      if (++calls === 1) throw new Error("busy");
      return "row";
    });
  expect(result).toEqual(right("row"));
  expect(calls).toBe(2);
});

test("onThrow keeps the state of the layers and changes nothing of the first policy", async () => {
  const plain = policy(atMost(2));
  const typed = plain.onThrow(down);
  const thrown = new Error("down");
  const failing = (): Promise<never> => Promise.reject(thrown);
  expect(await typed.execute(failing)).toEqual(left(down(thrown)));
  await expect(plain.execute(failing)).rejects.toBe(thrown);
  expect(await typed.execute(failing)).toEqual(left(full));
});

test("an error rethrown by onThrow is a defect", async () => {
  const defect = new TypeError("a defect");
  const rethrowing = policy().onThrow((thrown) => {
    throw thrown;
  });
  await expect(rethrowing.execute(() => Promise.reject(defect))).rejects.toBe(defect);
});

test("a function that must run once is not repeated", async () => {
  let calls = 0;
  const failing = async (): Promise<never> => {
    calls++;
    throw new Error("down");
  };
  const result = await policy(again()).onThrow(down).execute(failing, { replay: once });
  expect(result).toMatchObject(left({ _tag: "Down" }));
  expect(calls).toBe(1);
});

test("the function gets the caller's signal", async () => {
  const { signal } = new AbortController();
  expect(await policy().execute((context) => context.signal, { signal })).toEqual(right(signal));
});

test("without a signal, the function gets one of its own", async () => {
  const one = await policy().execute(({ signal }) => signal);
  const other = await policy().execute(({ signal }) => signal);
  expect(one).toEqual(right(expect.any(AbortSignal)));
  expect(one).not.toBe(other);
  // Shared by all calls, it would keep the listeners of each.
  expect((one as { right: unknown }).right).not.toBe((other as { right: unknown }).right);
});

test.each([
  ["without onThrow", policy()],
  ["with onThrow", policy().onThrow(down)],
])(
  "what a function throws after its signal was aborted does not count against the upstream (%s)",
  async (_name, each) => {
    const leaving = new AbortController();
    const result = each.execute(
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        }),
      { signal: leaving.signal },
    );
    leaving.abort("enough");
    expect(await result).toEqual(
      left({ _tag: "Aborted", origin: "local", retryable: false, cause: "enough" }),
    );
  },
);

test("types: the errors of the layers, of onThrow, and what the function returns", async () => {
  const some = policy(atMost(1), again());
  expectTypeOf(some.execute(async () => 1)).toEqualTypeOf<Promise<Either<Full | Aborted, number>>>();
  expectTypeOf(some.onThrow(down).execute(() => "a")).toEqualTypeOf<
    Promise<Either<Full | Aborted | Down, string>>
  >();
});

// Defect: the type kept the errors of the first conversion, which the second replaced.
test("types: what functions throw is converted once", () => {
  const typed = policy().onThrow(down);
  expectTypeOf(typed).not.toHaveProperty("onThrow");
  expect(typed).not.toHaveProperty("onThrow");
});

test("types: a layer that handles an error removes it, and adds its own response", async () => {
  const handled = policy(spare(), atMost(1)).onThrow(down);
  const result = handled.execute(async () => 1);
  expectTypeOf(result).toEqualTypeOf<Promise<Either<Full | Aborted, number | "spare">>>();
  expect(await result).toEqual(right(1));
  expect(
    await policy(spare())
      .onThrow(down)
      .execute(() => Promise.reject(new Error("down"))),
  ).toEqual(right("spare"));
});

test("types: an error of a layer outside its handler comes out", () => {
  const spareFull = layer<unknown, unknown, never, Full, "spare">("spare", (inner) => ({
    call: async (request, signal) => inner.call(request, signal) as never,
  }));
  expectTypeOf(policy(spareFull, atMost(1)).execute(() => 1)).toEqualTypeOf<
    Promise<Either<Aborted, number | "spare">>
  >();
  expectTypeOf(policy(atMost(1), spareFull).execute(() => 1)).toEqualTypeOf<
    Promise<Either<Full | Aborted, number | "spare">>
  >();
});

test("types: a function returns what the layers accept, and layers need nothing of a request", () => {
  const texts = layer<unknown, unknown, never, never, never, string>("texts", (inner) => ({
    call: (request, signal) => inner.call(request, signal),
  }));
  const paths = layer<{ readonly path: string }>("paths", (inner) => ({
    call: (request, signal) => inner.call(request, signal),
  }));
  const some = policy(texts);
  // @ts-expect-error: a number is not a string
  void some.execute(() => 1);
  // @ts-expect-error: functions have no path
  policy(paths);
  // @ts-expect-error: not a layer
  policy((inner: unknown) => inner);
});
