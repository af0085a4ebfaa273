import { adapter, isLeft, type Passes, right, service } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

/** Text inside, numbers outside. */
const numbers = adapter<number, string, string, number>("numbers", (inner) => ({
  options: { radix: 10 },
  call: async (request, signal) => {
    const result = await inner.call(String(request), signal);
    return isLeft(result) ? result : right(Number(result.right));
  },
}));

describe("adapter", () => {
  test("changes requests and responses", async () => {
    const doubled = numbers(service("double", async (text: string) => right(`${text}${text}`)));
    expect(await doubled.call(12)).toEqual(right(1212));
  });

  test("has the readiness of its inner service", () => {
    const mock = mockService<string, string>();
    expect(numbers(mock.service).ready()).toBeUndefined();
    mock.admit(0);
    expect(numbers(mock.service).ready()).toBeInstanceOf(Promise);
  });

  test("describes its name, its options and its inner service", () => {
    const leaf = service("leaf", async (text: string) => right(text));
    expect(numbers(leaf).describe()).toEqual({
      name: "numbers",
      options: { radix: 10 },
      inner: [{ name: "leaf" }],
    });
  });

  test("rejects when its call throws", async () => {
    const mistaken = adapter<unknown, Passes<unknown>, unknown, Passes<never>>("mistaken", () => ({
      call: () => {
        throw new Error("a defect");
      },
    }));
    await expect(mistaken(mockService<string, string>().service).call("a")).rejects.toThrow("a defect");
  });
});
