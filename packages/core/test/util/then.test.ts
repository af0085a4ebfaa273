import * as core from "@pagoda/core";
import { andThen, type Either, isLeft, left, right, service, thenResult } from "@pagoda/core";
import { conformance } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

const half = service("half", async (n: number): Promise<Either<"odd", number>> =>
  n % 2 === 0 ? right(n / 2) : left("odd"),
);

describe("andThen", () => {
  conformance(test, () => andThen(async (text: string) => right(text)));

  test("continues with responses and passes errors on", async () => {
    const quarter = andThen(async (n: number) =>
      n % 2 === 0 ? right(`${n / 2}`) : left("not by four" as const),
    )(half);
    expect(await quarter.call(8)).toEqual(right("2"));
    expect(await quarter.call(6)).toEqual(left("not by four"));
    expect(await quarter.call(3)).toEqual(left("odd"));
  });

  test("passes the signal on", async () => {
    const { signal } = new AbortController();
    let seen: AbortSignal | undefined;
    const watching = andThen(async (n: number, passed) => {
      seen = passed;
      return right(n);
    });
    await watching(half).call(2, signal);
    expect(seen).toBe(signal);
  });

  test("rejects when the function throws", async () => {
    const mistaken = andThen((_n: number): Promise<Either<never, number>> => {
      throw new Error("a defect");
    });
    await expect(mistaken(half).call(2)).rejects.toThrow("a defect");
  });
});

describe("thenResult", () => {
  conformance(test, () => thenResult(async (result: Either<unknown, unknown>) => result));

  test("continues with responses and errors", async () => {
    const lenient = thenResult(async (result: Either<"odd", number>) =>
      isLeft(result) ? right(0) : result.right > 10 ? left("too much" as const) : result,
    )(half);
    expect(await lenient.call(8)).toEqual(right(4));
    expect(await lenient.call(3)).toEqual(right(0));
    expect(await lenient.call(80)).toEqual(left("too much"));
  });
});

// `await import()` of a module that exports `then` never returns, because the module is treated as
// a promise.
test("core does not export `then`", () => {
  expect(core).not.toHaveProperty("then");
});
