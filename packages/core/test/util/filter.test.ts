import { filter, left, right } from "@pagoda/core";
import { conformance, mockService } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

const notEmpty = filter((text: string) => (text === "" ? left("empty" as const) : right(text.trim())));

describe("filter", () => {
  conformance(test, () => notEmpty, { request: () => "request", refused: () => "" });

  test("refuses with its error without calling inner", async () => {
    const mock = mockService<string, string>();
    expect(await notEmpty(mock.service).call("")).toEqual(left("empty"));
    await mock.expectNoCall();
  });

  test("passes on the request that the check returned", async () => {
    const mock = mockService<string, string>();
    const result = notEmpty(mock.service).call(" a ");
    const inner = await mock.next();
    expect(inner.request).toBe("a");
    inner.answer("b");
    expect(await result).toEqual(right("b"));
  });

  test("calls inner in the same tick", () => {
    const mock = mockService<string, string>();
    void notEmpty(mock.service).call("a");
    expect(mock.calls.length).toBe(1);
  });

  // Defect: it was thrown at the caller, which had set a timer and never cleared it.
  test("rejects when the check throws", async () => {
    const mistaken = filter((_text: string) => {
      throw new Error("a defect");
    });
    await expect(mistaken(mockService<string, string>().service).call("a")).rejects.toThrow("a defect");
  });
});
