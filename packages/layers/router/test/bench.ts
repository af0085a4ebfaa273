import type { Fault } from "@pagoda/core";
import { type HttpRequest, httpRequest, type HttpResponse } from "@pagoda/http";
import { mockService } from "@pagoda/core/testing";
import { type Route, type Routed, router, type RouterOptions } from "@pagoda/router";

export interface Down extends Fault<"Down"> {}

export const base: HttpRequest = httpRequest("http://shop.example/");

/** A router around a mock. */
export function bench(routes: readonly Route[], options?: RouterOptions) {
  const mock = mockService<HttpRequest & Routed, HttpResponse, Down>();
  const layered = router<string>(routes, options)(mock.service);
  return {
    mock,
    layered,
    call: (request: Partial<HttpRequest>) => layered.call({ ...base, ...request }),
    /** Returns the request that reaches inner. */
    async sent(request: Partial<HttpRequest>) {
      void layered.call({ ...base, ...request });
      return (await mock.next()).request;
    },
  };
}
