import { oneshot } from "@pagoda/core";
import { conformance, mockService } from "@pagoda/core/testing";
import { left, right } from "fp-ts/lib/Either.js";
import { describe, expect, test } from "vitest";
import { replay } from "@pagoda/replay";

describe("replay", () => {
  conformance(test, () => replay({ max: 10 }));

  test("refuses a call beyond the bound", async () => {
    const mock = mockService<string, number>();
    const layered = replay({ max: 1 })(mock.service);
    const first = layered.call("a");
    const refused = { _tag: "ReplayRefused", origin: "local", retryable: true, max: 1 };
    expect(await layered.call("b")).toEqual(left(refused));
    (await mock.next()).answer(1);
    expect(await first).toEqual(right(1));
  });

  test("lets those who wait in, one for each call that ends", async () => {
    const mock = mockService<string, number>();
    const layered = replay({ max: 1 })(mock.service);
    const results = ["a", "b"].map((request) => oneshot(layered, request));
    (await mock.next()).answer(1);
    (await mock.next()).answer(2);
    expect(await Promise.all(results)).toEqual([right(1), right(2)]);
  });

  test.each([0, -1, 1.5, NaN])("does not take %d as bound", (max) => {
    expect(() => replay({ max })).toThrow(`max is ${max}`);
  });
});
