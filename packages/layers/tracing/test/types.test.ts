import { type Fault, type Layer, mapRequest, right, service, ServiceBuilder } from "@pagoda/core";
import type { ErrorOf, RequestOf } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { describe, expectTypeOf, test } from "vitest";
import { type ClientRequest, clientSpan, type ServerRequest, serverSpan, type Traced } from "@pagoda/tracing";

interface Down extends Fault<"Down"> {}

const http = new ServiceBuilder<HttpRequest>();
const leaf = service<HttpRequest, HttpResponse, Down>("leaf", async () => right(httpResponse(200)));
const traced = service<HttpRequest & Traced, HttpResponse, Down>("traced", async () =>
  right(httpResponse(200)),
);

describe("types", () => {
  test("both add the trace and raise nothing", () => {
    expectTypeOf(serverSpan()).toEqualTypeOf<
      Layer<ServerRequest, Traced, never, never, never, HttpResponse>
    >();
    expectTypeOf(clientSpan()).toEqualTypeOf<
      Layer<ClientRequest, Traced, never, never, never, HttpResponse>
    >();
    const stack = http.layer(serverSpan()).layer(clientSpan()).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Down>();
    expectTypeOf<RequestOf<typeof stack>>().toEqualTypeOf<HttpRequest>();
  });

  test("a layer that requires the trace goes inside either", () => {
    http.layer(serverSpan()).service(traced);
    http.layer(clientSpan()).service(traced);
    // @ts-expect-error: Property 'trace' is missing in type 'HttpRequest' but required in type 'Traced'.
    http.service(traced);
  });

  test("both require HTTP requests", () => {
    const words = new ServiceBuilder<string>();
    // @ts-expect-error: a string is not an HttpRequest.
    words.layer(serverSpan());
    // @ts-expect-error: a string is not an HttpRequest.
    words.layer(clientSpan());
  });

  test("a trace must be a context", () => {
    const wrong = mapRequest((request: HttpRequest) => ({ ...request, trace: "0af7651916cd43dd" }));
    // @ts-expect-error: Type 'string' is not assignable to type 'Context'.
    http.adapt(wrong).layer(clientSpan());
  });

  test("infers the request of callbacks from the builder", () => {
    const identify = mapRequest((request: HttpRequest) => ({ ...request, tenant: "a" }));
    http.adapt(identify).layer(serverSpan({ attributes: ({ tenant }) => ({ tenant }) }));
    http.adapt(identify).layer(clientSpan({ name: ({ tenant, method }) => `${method} ${tenant}` }));
    // @ts-expect-error: Property 'tenant' does not exist.
    http.layer(serverSpan({ attributes: ({ tenant }) => ({ tenant }) }));
  });
});
