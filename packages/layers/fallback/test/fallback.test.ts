import { type Fault, isReady } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { left, right } from "fp-ts/lib/Either.js";
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
  const told: string[] = [];
  const mock = mockService<string, string, Slow | Down | Other | Fault>();
  const observer = { fellBack: ({ _tag }: Fault) => told.push(_tag) };
  const layered = fallback(handlers, observer)(mock.service);
  return { mock, layered, told };
}

/** What comes out when inner fails with `fault`. */
async function outcomeOf(fault: Fault, request = "a") {
  const { mock, layered, told } = bench(table);
  const result = layered.call(request);
  (await mock.next()).fail(fault);
  return { result: await result, told };
}

describe("fallback", () => {
  conformance(test, () => fallback(table));

  test("gives what the handler gives, at once or later", async () => {
    expect((await outcomeOf(down)).result).toEqual(right("kept"));
    expect((await outcomeOf(slow)).result).toEqual(right("a, 100 ms late"));
  });

  test("gives the error of a handler", async () => {
    expect((await outcomeOf(down, "hopeless")).result).toEqual(left("gone"));
  });

  test("lets an error that the table does not name pass, as it is", async () => {
    const { result, told } = await outcomeOf(other);
    expect(result).toEqual(left(other));
    expect((result as { readonly left: unknown }).left).toBe(other);
    expect(told).toEqual([]);
  });

  test.each(["constructor", "__proto__", "toString"])(
    "lets an error named %s pass, which no table names",
    async (tag) => {
      const fault = { ...other, _tag: tag };
      expect((await outcomeOf(fault)).result).toEqual(left(fault));
    },
  );

  test("lets an error pass that is no fault", async () => {
    const result = fallback(table)({
      ready: () => undefined,
      call: () => Promise.resolve(left({ _tag: "Down" })),
      describe: () => ({ name: "odd" }),
    }).call("a");
    expect(await result).toEqual(left({ _tag: "Down" }));
  });

  test("runs no handler for a response, nor for the error of another handler", async () => {
    const { mock, layered, told } = bench({ Slow: () => left(down), Down: () => right("kept") });
    const answered = layered.call("a");
    (await mock.next()).answer("fine");
    expect(await answered).toEqual(right("fine"));
    const failed = layered.call("b");
    (await mock.next()).fail(slow);
    expect(await failed).toEqual(left(down));
    expect(told).toEqual(["Slow"]);
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

  test("a call of inner that throws comes out as a rejection", async () => {
    const layered = fallback(table)({
      ready: () => undefined,
      call: () => {
        throw new Error("a mistake");
      },
      describe: () => ({ name: "broken" }),
    });
    await expect(layered.call("a")).rejects.toThrow("a mistake");
  });

  test("an entry that is not set handles nothing", async () => {
    const { mock, layered } = bench({ Slow: undefined } as unknown as Handlers<string>);
    const result = layered.call("a");
    (await mock.next()).fail(slow);
    expect(await result).toEqual(left(slow));
  });

  test("tells its observer of each error that it handles", async () => {
    expect((await outcomeOf(slow)).told).toEqual(["Slow"]);
  });

  test("is as ready as inner, though it would handle the refusal", () => {
    const { mock, layered } = bench(table);
    mock.admit(0);
    expect(isReady(layered)).toBe(false);
  });

  test("describes what it handles, and how often it has", async () => {
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
