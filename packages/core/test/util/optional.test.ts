import { filter, left, optional, right } from "@pagoda/core";
import { conformance, mockService } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

const notEmpty = filter((text: string) => (text === "" ? left("empty" as const) : right(text)));

describe("optional", () => {
  conformance(test, () => optional(notEmpty));

  test("returns the layer if there is one", async () => {
    expect(optional(notEmpty)).toBe(notEmpty);
  });

  test("returns a layer that does nothing if there is none", () => {
    const { service } = mockService<string, string>();
    const none: typeof notEmpty | undefined = undefined;
    expect(optional(none)(service)).toBe(service);
  });
});
