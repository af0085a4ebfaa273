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

  test("infers the request type of key", () => {
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

  test("requires what key reads, raises Aborted and adds nothing", () => {
    expectTypeOf(coalesce({ key: ({ path }: Request) => path })).toEqualTypeOf<
      Layer<Request, unknown, Aborted>
    >();
  });

  test("does not compile if the request lacks what key reads", () => {
    const layer = coalesce({ key: ({ user }: { readonly user: string }) => user });
    // @ts-expect-error: Property 'user' is missing in type 'Request' but required in type '{ readonly user: string; }'.
    new ServiceBuilder<Request>().layer(layer);
    // @ts-expect-error: Property 'user' does not exist on type 'Request'.
    new ServiceBuilder<Request>().layer(coalesce({ key: (request) => request.user }));
  });

  test("a key is a string or undefined", () => {
    // @ts-expect-error: a number is not a key.
    coalesce({ key: () => 1 });
  });
});
