import { type Aborted, type ErrorOf, type Layer, type ResponseOf, ServiceBuilder } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { describe, expectTypeOf, test } from "vitest";
import { cache } from "@pagoda/cache";
import type { Down } from "./bench.ts";

describe("types of cache", () => {
  test("adds Aborted to inner's errors, and returns responses of its own", () => {
    expectTypeOf(cache()).toEqualTypeOf<
      Layer<HttpRequest, unknown, Aborted, never, HttpResponse, HttpResponse>
    >();
    const origin = mockService<HttpRequest, HttpResponse & { readonly more: 1 }, Down>().service;
    const stack = new ServiceBuilder<HttpRequest>().layer(cache()).service(origin);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Down | Aborted>();
    expectTypeOf<ResponseOf<typeof stack>>().toEqualTypeOf<
      HttpResponse | (HttpResponse & { readonly more: 1 })
    >();
  });

  test("does not compile around a service without HTTP responses", () => {
    const numbers = mockService<HttpRequest, number>().service;
    // @ts-expect-error: Type 'number' is not assignable to type 'HttpResponse'.
    new ServiceBuilder<HttpRequest>().layer(cache()).service(numbers);
  });
});
