import { type Either, type Fault, isLeft, layer, left, right, service } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

interface TooLong extends Fault<"TooLong"> {}
const tooLong: TooLong = { _tag: "TooLong", origin: "local", retryable: false };

const pass = layer("pass", ({ call }) => ({ call }));

function maxLength(max: number) {
  return layer<string, unknown, TooLong>("max-length", (inner) => ({
    options: { max },
    call: (text, signal) => (text.length <= max ? inner.call(text, signal) : Promise.resolve(left(tooLong))),
  }));
}

describe("layer", () => {
  test("answers with the wrapped call", async () => {
    const short = maxLength(3)(service("length", async (text: string) => right(text.length)));
    expect(await short.call("abc")).toEqual(right(3));
    expect(await short.call("abcd")).toEqual(left(tooLong));
  });

  test("runs perService once for each service, not for each call", async () => {
    let made = 0;
    const counting = layer("counting", ({ call }) => {
      made++;
      return { call };
    });
    const leaf = service("leaf", async (_text: string) => right(1));
    const one = counting(leaf);
    counting(leaf);
    await one.call("a");
    await one.call("b");
    expect(made).toBe(2);
  });

  test("keeps separate state for each service", async () => {
    const numbered = layer<unknown, unknown, never, never, number>("numbered", () => {
      let calls = 0;
      return { call: () => Promise.resolve(right(++calls)) };
    });
    const leaf = service("leaf", async (_text: string) => right("unused"));
    const [one, other] = [numbered(leaf), numbered(leaf)];
    await one.call("a");
    expect([await one.call("a"), await other.call("a")]).toEqual([right(2), right(1)]);
  });

  test("has inner's readiness by default", () => {
    const mock = mockService<string, string>();
    expect(pass(mock.service).ready()).toBeUndefined();
    mock.admit(0);
    expect(pass(mock.service).ready()).toBeInstanceOf(Promise);
  });

  test("uses its own readiness if it has one", () => {
    const turn = Promise.resolve();
    const busy = layer("busy", ({ call }) => ({ ready: () => turn, call }));
    expect(busy(mockService<string, string>().service).ready()).toBe(turn);
  });

  test("describes its name and inner service, and options and state if there are any", () => {
    const leaf = service("leaf", async (_text: string) => right(1));
    expect(pass(leaf).describe()).toEqual({ name: "pass", inner: [{ name: "leaf" }] });
    const stateful = layer("stateful", ({ call }) => ({ call, state: () => ({ open: false }) }));
    expect(stateful(maxLength(3)(leaf)).describe()).toEqual({
      name: "stateful",
      state: { open: false },
      inner: [{ name: "max-length", options: { max: 3 }, inner: [{ name: "leaf" }] }],
    });
  });

  test("handles its errors and passes the rest on", async () => {
    const forgive = layer<unknown, unknown, never, "rare", string>("forgive", (inner) => ({
      call: async (request, signal) => {
        const result = await inner.call(request, signal);
        if (!isLeft(result)) return result;
        return result.left === "rare"
          ? right("forgiven")
          : left(result.left as Exclude<typeof result.left, "rare">);
      },
    }));
    const failing = (error: "rare" | "other") =>
      service("failing", async (_text: string): Promise<Either<typeof error, number>> => left(error));
    expect(await forgive(failing("rare")).call("a")).toEqual(right("forgiven"));
    expect(await forgive(failing("other")).call("a")).toEqual(left("other"));
  });

  test("rejects when its call throws", async () => {
    const mistaken = layer("mistaken", () => ({
      call: () => {
        throw new Error("a defect");
      },
    }));
    await expect(mistaken(mockService<string, string>().service).call("a")).rejects.toThrow("a defect");
  });
});
