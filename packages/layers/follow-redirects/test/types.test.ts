import { type Aborted, type ErrorOf, type Fault, ServiceBuilder } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { describe, expectTypeOf, test } from "vitest";
import { followRedirects, type RedirectRefused, type TooManyRedirects } from "@pagoda/follow-redirects";

interface Down extends Fault<"Down"> {}

describe("types of follow-redirects", () => {
  test("adds its errors to inner's", () => {
    const origin = mockService<HttpRequest, HttpResponse, Down>().service;
    const stack = new ServiceBuilder<HttpRequest>().layer(followRedirects()).service(origin);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<
      Down | Aborted | TooManyRedirects | RedirectRefused
    >();
  });

  test("does not compile around a service without HTTP responses", () => {
    const numbers = mockService<HttpRequest, number>().service;
    // @ts-expect-error: Type 'number' is not assignable to type 'HttpResponse'.
    new ServiceBuilder<HttpRequest>().layer(followRedirects()).service(numbers);
  });
});
