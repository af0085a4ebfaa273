import { type Aborted, type Layer, type Replayable, type Service, ServiceBuilder } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { describe, expectTypeOf, test } from "vitest";
import { retry } from "@pagoda/retry";
import type { Failed } from "./bench.ts";

interface Named {
  readonly name: string;
}

describe("types", () => {
  test("requires Replayable and raises Aborted", () => {
    expectTypeOf(retry()).toEqualTypeOf<Layer<Replayable, unknown, Aborted>>();
    const inner = mockService<Named & Replayable, string, Failed>().service;
    const stack = new ServiceBuilder<Named & Replayable>().layer(retry()).service(inner);
    expectTypeOf(stack).toEqualTypeOf<Service<Named & Replayable, string, Failed | Aborted>>();
  });

  test("does not compile without Replayable", () => {
    // @ts-expect-error Property 'replay' is missing in type 'Named' but required in type 'Replayable'.
    new ServiceBuilder<Named>().layer(retry());
  });
});
