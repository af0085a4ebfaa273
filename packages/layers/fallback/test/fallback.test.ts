import { type Fault, isReady, left, right } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { fallback, type Handlers } from "@pagoda/fallback";

interface Slow extends Fault<"Slow"> {
  readonly afterMs: number;
}
interface Down extends Fault<"Down"> {}
interface Other extends Fault<"Other"> {}

const slow: Slow = { _tag: "Slow", origin: "upstream", retryable: true, afterMs: 100 };
const down: Down = { _tag: "Down", origin: "upstream", retryable: true };
const other: Other = { _tag: "Other", origin: "local", retryable: false };

const table = {
  Slow: async ({ afterMs }: Slow, request: string) => right(`${request}, ${afterMs} ms late`),
  Down: (_fault: Fault, request: string) => (request === "hopeless" ? left("gone" as const) : right("kept")),
};

function bench(handlers: Handlers<string>) {
  const events: string[] = [];
  const mock = mockService<string, string, Slow | Down | Other | Fault>();
  const observer = { fellBack: ({ _tag }: Fault) => events.push(_tag) };
  const layered = fallback(handlers, observer)(mock.service);
  return { mock, layered, events };
}

/** The result if inner fails with `fault`. */
async function outcomeOf(fault: Fault, request = "a") {
  const { mock, layered, events } = bench(table);
  const result = layered.call(request);
  (await mock.next()).fail(fault);
  return { result: await result, events };
}

describe("fallback", () => {
  conformance(test, () => fallback(table));

  test("returns the handler's result, sync or async", async () => {
    expect((await outcomeOf(down)).result).toEqual(right("kept"));
    expect((await outcomeOf(slow)).result).toEqual(right("a, 100 ms late"));
  });

  test("returns the handler's error", async () => {
    expect((await outcomeOf(down, "hopeless")).result).toEqual(left("gone"));
  });

  test("passes an error that is not in the table through unchanged", async () => {
    const { result, events } = await outcomeOf(other);
    expect(result).toEqual(left(other));
    expect((result as { readonly left: unknown }).left).toBe(other);
    expect(events).toEqual([]);
  });

  test.each(["constructor", "__proto__", "toString"])("passes an error tagged %s through", async (tag) => {
    const fault = { ...other, _tag: tag };
    expect((await outcomeOf(fault)).result).toEqual(left(fault));
  });

  test("passes an error that is not a fault through", async () => {
    const result = fallback(table)({
      ready: () => undefined,
      call: () => Promise.resolve(left({ _tag: "Down" })),
      describe: () => ({ name: "odd" }),
    }).call("a");
    expect(await result).toEqual(left({ _tag: "Down" }));
  });

  test("runs no handler for a response or for another handler's error", async () => {
    const { mock, layered, events } = bench({ Slow: () => left(down), Down: () => right("kept") });
    const answered = layered.call("a");
    (await mock.next()).answer("fine");
    expect(await answered).toEqual(right("fine"));
    const failed = layered.call("b");
    (await mock.next()).fail(slow);
    expect(await failed).toEqual(left(down));
    expect(events).toEqual(["Slow"]);
  });

  test("gives the handler the fault, the request and the caller's signal", async () => {
    const seen: unknown[] = [];
    const { mock, layered } = bench({
      Slow: (fault: Slow, request, signal) => {
        seen.push(fault, request, signal);
        return right("");
      },
    });
    const { signal } = new AbortController();
    const result = layered.call("a" as never, signal);
    (await mock.next()).fail(slow);
    await result;
    expect(seen).toEqual([slow, "a", signal]);
    expect(seen[2]).toBe(signal);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("a mistake");
      },
    ],
    ["rejects", () => Promise.reject(new Error("a mistake"))],
  ])("a handler that %s is a defect", async (_how, Slow: () => Promise<never>) => {
    const { mock, layered } = bench({ Slow });
    const result = layered.call("a");
    (await mock.next()).fail(slow);
    await expect(result).rejects.toThrow("a mistake");
  });

  test("rejects if inner throws", async () => {
    const layered = fallback(table)({
      ready: () => undefined,
      call: () => {
        throw new Error("a mistake");
      },
      describe: () => ({ name: "broken" }),
    });
    await expect(layered.call("a")).rejects.toThrow("a mistake");
  });

  test("an undefined entry handles nothing", async () => {
    const { mock, layered } = bench({ Slow: undefined } as unknown as Handlers<string>);
    const result = layered.call("a");
    (await mock.next()).fail(slow);
    expect(await result).toEqual(left(slow));
  });

  test("notifies the observer of each handled error", async () => {
    expect((await outcomeOf(slow)).events).toEqual(["Slow"]);
  });

  test("is ready only when inner is, although it would handle the refusal", () => {
    const { mock, layered } = bench(table);
    mock.admit(0);
    expect(isReady(layered)).toBe(false);
  });

  test("describes the handled tags and their count", async () => {
    const { mock, layered } = bench(table);
    const calls = ["a", "b", "c"].map((request) => layered.call(request));
    (await mock.next()).fail(slow);
    (await mock.next()).fail(other);
    (await mock.next()).fail(down);
    await Promise.all(calls);
    const { options, state } = layered.describe();
    expect(options).toEqual({ errors: ["Slow", "Down"] });
    expect(state).toEqual({ fellBack: 2 });
  });
});
