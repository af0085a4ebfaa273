import { type Aborted, type ErrorOf, type Fault, type Layer, ServiceBuilder } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { describe, expectTypeOf, test } from "vitest";
import { coalesce } from "@pagoda/coalesce";

interface Request {
  readonly path: string;
}
interface Down extends Fault<"Down"> {}

describe("types of coalesce", () => {
  const origin = mockService<Request, string, Down>().service;

  test("the key gets the request of the stack, with no annotation", () => {
    const builder = new ServiceBuilder<Request>();
    const stack = builder
      .layer(
        coalesce({
          key: (request) => {
            expectTypeOf(request).toEqualTypeOf<Request>();
            return request.path;
          },
        }),
      )
      .service(origin);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Down | Aborted>();
  });

  test("it needs what the key reads, raises Aborted, and adds nothing", () => {
    expectTypeOf(coalesce({ key: ({ path }: Request) => path })).toEqualTypeOf<
      Layer<Request, unknown, Aborted>
    >();
  });

  test("where the request has not what the key reads it does not compile", () => {
    const layer = coalesce({ key: ({ user }: { readonly user: string }) => user });
    // @ts-expect-error: Property 'user' is missing in type 'Request' but required in type '{ readonly user: string; }'.
    new ServiceBuilder<Request>().layer(layer);
    // @ts-expect-error: Property 'user' does not exist on type 'Request'.
    new ServiceBuilder<Request>().layer(coalesce({ key: (request) => request.user }));
  });

  test("a key is a string or nothing", () => {
    // @ts-expect-error: a number is no key.
    coalesce({ key: () => 1 });
  });
});
