import {
  type Aborted,
  type ErrorOf,
  type Fault,
  type FromClient,
  type Layer,
  right,
  service,
  ServiceBuilder,
} from "@pagoda/core";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { mapRequest } from "@pagoda/core";
import { describe, expectTypeOf, test } from "vitest";
import { byClient, type RateLimited, rateLimit, type Rates, type Store } from "@pagoda/rate-limit";

interface Down extends Fault<"Down"> {}

const http = new ServiceBuilder<HttpRequest>();
const identify = mapRequest((request: HttpRequest) => ({ ...request, client: { address: "192.0.2.1" } }));
const leaf = service<HttpRequest, HttpResponse, Down>("leaf", async () => right(httpResponse(200)));
const rate = { perSecond: 10 };

describe("types", () => {
  test("a global limit requires nothing and raises RateLimited", () => {
    expectTypeOf(rateLimit({ global: rate })).toEqualTypeOf<Layer<unknown, unknown, RateLimited>>();
    const stack = http.layer(rateLimit({ global: rate })).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<RateLimited | Down>();
  });

  test("a limit per client requires a client", () => {
    const limit = rateLimit({ keyed: { ...rate, key: byClient } });
    expectTypeOf(limit).toEqualTypeOf<Layer<FromClient, unknown, RateLimited>>();
    const stack = http.adapt(identify).layer(limit).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<RateLimited | Down>();
    const inline = http
      .adapt(identify)
      .layer(rateLimit({ global: rate, keyed: { ...rate, key: byClient } }))
      .service(leaf);
    expectTypeOf<ErrorOf<typeof inline>>().toEqualTypeOf<RateLimited | Down>();
  });

  test("a limit per client does not compile without a client", () => {
    const limit = rateLimit({ keyed: { ...rate, key: byClient } });
    // @ts-expect-error: Property 'client' is missing in type 'HttpRequest' but required in type 'FromClient'.
    http.layer(limit);
    // @ts-expect-error: same error, inline.
    http.layer(rateLimit({ keyed: { ...rate, key: byClient } }));
  });

  test("infers the request of key from the builder", () => {
    const stack = http.layer(rateLimit({ keyed: { ...rate, key: (request) => request.path } })).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<RateLimited | Down>();
    http.adapt(identify).layer(rateLimit({ keyed: { ...rate, key: (request) => request.client.address } }));
    // @ts-expect-error: Property 'client' does not exist on type 'HttpRequest'.
    http.layer(rateLimit({ keyed: { ...rate, key: (request) => request.client.address } }));
    http.layer(
      rateLimit({
        global: rate,
        observer: { refused: (fault, request) => [fault.limit, request.path] },
      }),
    );
  });

  test("an asynchronous store adds Aborted", () => {
    const limit = rateLimit({ global: rate, store: (_rates: Rates): Store => undefined as never });
    expectTypeOf(limit).toEqualTypeOf<Layer<unknown, unknown, RateLimited | Aborted>>();
  });
});
