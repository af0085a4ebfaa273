import { filter, left, mapError, mapRequest, optional, refine, right } from "@pagoda/core";
import { conformance } from "@pagoda/http/testing";
import { describe, test } from "vitest";

const notEmpty = filter((text: string) => (text === "" ? left("empty" as const) : right(text)));

// Core's layers know nothing of bodies and must still not lose one.
describe("core's layers", () => {
  describe("filter", () => {
    conformance(test, () => notEmpty, { request: () => "request" });
  });

  describe("optional", () => {
    conformance(test, () => optional(notEmpty), { request: () => "request" });
  });

  describe("refine", () => {
    conformance(test, ({ clock }) => refine(async (request: string) => right(request), { clock }));
  });

  describe("mapRequest", () => {
    conformance(test, () => mapRequest((text: string) => text));
  });

  describe("mapError", () => {
    conformance(test, () => mapError((error) => error));
  });
});
