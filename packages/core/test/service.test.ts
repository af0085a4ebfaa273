import {
  type Either,
  type ErrorOf,
  left,
  type RequestOf,
  type ResponseOf,
  right,
  service,
  type Service,
} from "@pagoda/core";
import { describe, expect, expectTypeOf, test } from "vitest";

const half = service("half", async (n: number): Promise<Either<"odd", number>> => {
  return n % 2 === 0 ? right(n / 2) : left("odd");
});

describe("service", () => {
  test("returns the function's result", async () => {
    expect(await half.call(4)).toEqual(right(2));
    expect(await half.call(3)).toEqual(left("odd"));
  });

  test("passes the signal on", async () => {
    const { signal } = new AbortController();
    const echo = service("echo", async (_request: string, got?: AbortSignal) => right(got));
    expect(await echo.call("a", signal)).toEqual(right(signal));
  });

  test("rejects with a defect, even if the function throws synchronously", async () => {
    const broken = service("broken", (_request: string): never => {
      throw new Error("a mistake");
    });
    await expect(broken.call("a")).rejects.toThrow("a mistake");
  });

  test("is always ready by default", () => {
    expect(half.ready()).toBeUndefined();
  });

  test("uses the readiness in its options", () => {
    const turn = Promise.resolve();
    const busy = service("busy", async (_text: string) => right(1), { ready: () => turn });
    expect(busy.ready()).toBe(turn);
  });

  test("describes its name and no inner service", () => {
    expect(half.describe()).toEqual({ name: "half" });
  });

  test("describes its options and current state", () => {
    let calls = 0;
    const counting = service("counting", async (_text: string) => right(++calls), {
      options: { step: 1 },
      state: () => ({ calls }),
    });
    expect(counting.describe()).toEqual({ name: "counting", options: { step: 1 }, state: { calls: 0 } });
    void counting.call("a");
    expect(counting.describe().state).toEqual({ calls: 1 });
  });

  test("its types can be extracted", () => {
    expectTypeOf(half).toEqualTypeOf<Service<number, number, "odd">>();
    expectTypeOf<RequestOf<typeof half>>().toEqualTypeOf<number>();
    expectTypeOf<ResponseOf<typeof half>>().toEqualTypeOf<number>();
    expectTypeOf<ErrorOf<typeof half>>().toEqualTypeOf<"odd">();
  });
});
