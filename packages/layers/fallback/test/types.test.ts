import {
  type ErrorOf,
  type Fault,
  type Layer,
  left as leftOf,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
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

/** Accepts what a listener would serve. */
declare function serve(stack: Service<Request, unknown>): void;

describe("types of fallback", () => {
  test("a handled error is replaced by what its handler returns", () => {
    const stack = builder.layer(fallback({ Slow: () => right("late" as const) })).service(leaf);
    expectTypeOf(stack).toEqualTypeOf<Service<Request, number | "late", Down>>();
    const other = builder
      .layer(fallback({ Slow: (_fault, request, signal) => cache.call(request, signal) }))
      .service(leaf);
    expectTypeOf(other).toEqualTypeOf<Service<Request, number | "kept", Down | Fault<"Missed">>>();
  });

  test("handlers may be sync or async and return different responses and errors", () => {
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

  test("infers the request and the fault of handlers", () => {
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

  test("a handler that requires more of the request compiles only where it has it", () => {
    const layer = fallback({ Slow: (_fault, { route }: Routed) => right(route) });
    expectTypeOf(layer).toEqualTypeOf<Layer<Routed, unknown, never, Fault<"Slow">, string>>();
    new ServiceBuilder<Request & Routed>().layer(layer);
    // @ts-expect-error: Property 'route' is missing in type 'Request' but required in type 'Routed'.
    builder.layer(layer);
    // @ts-expect-error: the same if the layer is made inline.
    builder.layer(fallback({ Slow: (_fault, { route }: Routed) => right(route) }));
  });

  test("requires of the request what each handler requires", () => {
    const path: Handler<Request> = () => right(1);
    const route: Handler<Routed> = () => right(2);
    type Both = { readonly Slow: typeof path; readonly Down: typeof route };
    const layer = fallback<unknown, Both>({ Slow: path, Down: route });
    new ServiceBuilder<Request & Routed>().layer(layer);
    // @ts-expect-error: Property 'route' is missing in type 'Request' but required in type 'Routed'.
    builder.layer(layer);
  });

  test("a handler handles its parameter's error if the tag matches", () => {
    const right1 = () => right(1);
    expectTypeOf<Handled<{ Slow: (fault: Slow) => unknown }>>().toEqualTypeOf<Slow>();
    expectTypeOf<Handled<{ Slow: typeof right1 }>>().toEqualTypeOf<Fault<"Slow">>();
    const wrongTag = builder.layer(fallback({ Slow: (_fault: Down) => right(1) })).service(leaf);
    expectTypeOf<ErrorOf<typeof wrongTag>>().toEqualTypeOf<Slow | Down>();
  });

  test("an optional entry, or a table of unknown tags, handles no error", () => {
    expectTypeOf<Handled<{ Slow?: Handler<Request>; Down: Handler<Request> }>>().toEqualTypeOf<
      Fault<"Down">
    >();
    expectTypeOf<Handled<Handlers<Request>>>().toEqualTypeOf<never>();
    expectTypeOf(fallback({})).toEqualTypeOf<Layer>();
  });

  test("an error raised further out remains unhandled", () => {
    const raises = undefined as unknown as Layer<unknown, unknown, Slow>;
    const both = { Slow: () => right("late"), Down: () => right("down") };
    // Never called: it only has to fail to compile.
    expectTypeOf(() => {
      serve(builder.layer(fallback(both)).layer(raises).service(leaf));
      // @ts-expect-error: Type 'Slow' is not assignable to type 'never'.
      serve(builder.layer(raises).layer(fallback(both)).service(leaf));
    }).toBeFunction();
  });

  test("a handler must return an Either", () => {
    // @ts-expect-error: Type 'string' is not assignable to type 'EitherLike | Promise<EitherLike>'.
    fallback({ Slow: () => "late" });
    // @ts-expect-error: a plain value is not a handler.
    fallback({ Slow: right("late") });
  });
});
