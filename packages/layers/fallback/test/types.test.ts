import { type ErrorOf, type Fault, type Layer, type Service, service, ServiceBuilder } from "@pagoda/core";
import { left as leftOf, right } from "fp-ts/lib/Either.js";
import { describe, expectTypeOf, test } from "vitest";
import { fallback, type Handled, type Handler, type Handlers } from "@pagoda/fallback";

interface Slow extends Fault<"Slow"> {
  readonly afterMs: number;
}
interface Down extends Fault<"Down"> {
  readonly upstream: string;
}
interface Request {
  readonly path: string;
}
interface Routed {
  readonly route: string;
}

const leaf = service<Request, number, Slow | Down>("leaf", async () => right(1));
const cache = service<Request, "kept", Fault<"Missed">>("cache", async () => right("kept" as const));
const builder = new ServiceBuilder<Request>();

/** What a listener serves. */
declare function serve(stack: Service<Request, unknown>): void;

describe("types of fallback", () => {
  test("an error that the table handles disappears, and what its handler gives comes in", () => {
    const stack = builder.layer(fallback({ Slow: () => right("late" as const) })).service(leaf);
    expectTypeOf(stack).toEqualTypeOf<Service<Request, number | "late", Down>>();
    const other = builder
      .layer(fallback({ Slow: (_fault, request, signal) => cache.call(request, signal) }))
      .service(leaf);
    expectTypeOf(other).toEqualTypeOf<Service<Request, number | "kept", Down | Fault<"Missed">>>();
  });

  test("handlers may give at once or later, a response or an error, each its own", () => {
    const stack = builder
      .layer(
        fallback({
          Slow: async ({ afterMs }: Slow) => (afterMs > 9 ? leftOf("too late" as const) : right(null)),
          Down: () => right("down" as const),
        }),
      )
      .service(leaf);
    expectTypeOf(stack).toEqualTypeOf<Service<Request, number | null | "down", "too late">>();
  });

  test("the builder's request reaches the handlers, and the fault is one, with no annotation", () => {
    builder.layer(
      fallback({
        Slow: (fault, request, signal) => {
          expectTypeOf(fault).toEqualTypeOf<Fault>();
          expectTypeOf(request).toEqualTypeOf<Request>();
          expectTypeOf(signal).toEqualTypeOf<AbortSignal | undefined>();
          return right(request.path);
        },
      }),
    );
    // @ts-expect-error: Property 'route' does not exist on type 'Request'.
    builder.layer(fallback({ Slow: (_fault, request) => right(request.route) }));
  });

  test("a handler whose request must carry more stands where it does", () => {
    const layer = fallback({ Slow: (_fault, { route }: Routed) => right(route) });
    expectTypeOf(layer).toEqualTypeOf<Layer<Routed, unknown, never, Fault<"Slow">, string>>();
    new ServiceBuilder<Request & Routed>().layer(layer);
    // @ts-expect-error: Property 'route' is missing in type 'Request' but required in type 'Routed'.
    builder.layer(layer);
    // @ts-expect-error: the same where the layer is made in place.
    builder.layer(fallback({ Slow: (_fault, { route }: Routed) => right(route) }));
  });

  test("what each of several handlers asks of the request is asked", () => {
    const path: Handler<Request> = () => right(1);
    const route: Handler<Routed> = () => right(2);
    type Both = { readonly Slow: typeof path; readonly Down: typeof route };
    const layer = fallback<unknown, Both>({ Slow: path, Down: route });
    new ServiceBuilder<Request & Routed>().layer(layer);
    // @ts-expect-error: Property 'route' is missing in type 'Request' but required in type 'Routed'.
    builder.layer(layer);
  });

  test("a handler handles the error that its parameter says, if the tag says so, too", () => {
    const right1 = () => right(1);
    expectTypeOf<Handled<{ Slow: (fault: Slow) => unknown }>>().toEqualTypeOf<Slow>();
    expectTypeOf<Handled<{ Slow: typeof right1 }>>().toEqualTypeOf<Fault<"Slow">>();
    const wrongTag = builder.layer(fallback({ Slow: (_fault: Down) => right(1) })).service(leaf);
    expectTypeOf<ErrorOf<typeof wrongTag>>().toEqualTypeOf<Slow | Down>();
  });

  test("an optional entry, or a table of unknown tags, handles none", () => {
    expectTypeOf<Handled<{ Slow?: Handler<Request>; Down: Handler<Request> }>>().toEqualTypeOf<
      Fault<"Down">
    >();
    expectTypeOf<Handled<Handlers<Request>>>().toEqualTypeOf<never>();
    expectTypeOf(fallback({})).toEqualTypeOf<Layer>();
  });

  test("an error raised outside of it is still open", () => {
    const raises = undefined as unknown as Layer<unknown, unknown, Slow>;
    const both = { Slow: () => right("late"), Down: () => right("down") };
    // Never called: what it is about is whether it compiles.
    expectTypeOf(() => {
      serve(builder.layer(fallback(both)).layer(raises).service(leaf));
      // @ts-expect-error: Type 'Slow' is not assignable to type 'never'.
      serve(builder.layer(raises).layer(fallback(both)).service(leaf));
    }).toBeFunction();
  });

  test("a handler gives an Either", () => {
    // @ts-expect-error: Type 'string' is not assignable to type 'EitherLike | Promise<EitherLike>'.
    fallback({ Slow: () => "late" });
    // @ts-expect-error: a value alone is no handler.
    fallback({ Slow: right("late") });
  });
});
