import { type Around, type Part, partOf } from "./around.ts";
import type { Demanded } from "./layer.ts";
import type { Service } from "./service.ts";

/**
 * Stands for a request or response type of an {@link Adapter} that passes through unchanged, with
 * `More` added. For requests, `More` is what inner finds in addition (`unknown`: nothing); for
 * responses, what the adapter itself can return (`never`: nothing).
 */
export interface Passes<out More> {
  readonly "~passes": More;
}

/** The request inside an adapter, for a request outside of it. */
export type InnerRequest<Req, Inner> = Inner extends Passes<infer Adds> ? Req & Adds : Inner;
/** The response outside an adapter, for a response inside of it. */
export type OuterResponse<Res, Outer> = Outer extends Passes<infer Yields> ? Res | Yields : Outer;

/**
 * Changes a stack's type of request, response or error: the parts inside it use another one. Make
 * one with `adapter()` and add it with `ServiceBuilder.adapt`. A part that only adds to requests,
 * responses or errors is a `Layer`.
 *
 * @typeParam OuterReq What the request must be where the adapter stands.
 * @typeParam InnerReq The request for inner, or {@link Passes}.
 * @typeParam InnerRes What inner's response must be.
 * @typeParam OuterRes The response that comes out, or {@link Passes}.
 * @typeParam Fails The errors that it raises.
 * @typeParam Handles The inner errors that it handles; `unknown` for all of them.
 * @typeParam Catches What inner's errors must be.
 */
export interface Adapter<
  in OuterReq,
  out InnerReq,
  in InnerRes,
  out OuterRes,
  out Fails = never,
  out Handles = never,
  in Catches = unknown,
> {
  <Req extends OuterReq, Res extends InnerRes, Err extends Catches>(
    inner: Service<InnerRequest<Req, InnerReq>, Res, Err>,
  ): Service<Req, OuterResponse<Res, OuterRes>, Exclude<Err, Handles> | Fails>;
  /** For the compiler only; never set. See `Layer`. */
  readonly "~adapter: layers go into layer(); make adapters with adapter(name, perService)": {
    innerReq: InnerReq;
    innerRes: (response: InnerRes) => void;
    outerRes: OuterRes;
    fails: Fails;
    handles: Handles;
    catches: (error: Catches) => void;
  };
}

/**
 * Any adapter that can stand where requests are `Has`, whose errors are `Raises` and whose
 * responses are `Gives`.
 */
export type AnyAdapter<Has, Raises = unknown, Gives = unknown> = Adapter<
  Has,
  unknown,
  never,
  Gives,
  Raises,
  unknown,
  never
>;

type Any = AnyAdapter<never>;
type TypesOf<A extends Any> =
  A["~adapter: layers go into layer(); make adapters with adapter(name, perService)"];
/** The request inside an adapter, or {@link Passes}. */
export type InnerReqOf<A extends Any> =
  // `unknown` comes from an adapter that did not compile: the compiler need not report its request
  // again.
  unknown extends TypesOf<A>["innerReq"] ? Passes<unknown> : TypesOf<A>["innerReq"];
/** What the response inside an adapter must be. */
export type InnerResOf<A extends Any> =
  TypesOf<A> extends { innerRes: (response: infer Res) => void } ? Demanded<Res> : never;
/** The response that comes out of an adapter, or {@link Passes}. */
export type OuterResOf<A extends Any> = TypesOf<A>["outerRes"];
/** The errors that an adapter raises. */
export type RaisesOf<A extends Any> = TypesOf<A>["fails"];
/** The inner errors that an adapter handles. */
export type EndsOf<A extends Any> = TypesOf<A>["handles"];
/** What the errors inside an adapter must be. */
export type CatchesOf<A extends Any> =
  TypesOf<A> extends { catches: (error: infer Err) => void } ? Demanded<Err> : never;

/**
 * Makes an adapter, as `layer()` makes a layer. `perService` runs once for each service that the
 * adapter wraps. It sees the errors that it handles and the rest (`Err`), and must return only the
 * rest and what it raises.
 *
 * @example
 * const length = adapter<unknown, Passes<unknown>, string, number>("length", (inner) => ({
 *   call: async (request, signal) => either.map((text: string) => text.length)(await inner.call(request, signal)),
 * }));
 *
 * @param part Its name in `describe()`.
 */
export function adapter<
  OuterReq,
  InnerReq,
  InnerRes,
  OuterRes,
  Fails = never,
  Handles = never,
  Catches = unknown,
>(
  part: string | Part,
  perService: <Res extends InnerRes, Err extends Catches>(
    // Unions rather than the conditional types of an adapter's calls: in a generic factory those
    // would stay unresolved, and it could neither call inner nor answer without a cast.
    inner: Service<InnerReq | Passed<OuterReq, InnerReq>, Res, Err | (Handles & Catches)>,
  ) => Around<OuterReq, OuterRes | PassedBack<Res, OuterRes>, Err | Fails>,
): Adapter<OuterReq, InnerReq, InnerRes, OuterRes, Fails, Handles, Catches> {
  return partOf<
    Adapter<OuterReq, InnerReq, InnerRes, OuterRes, Fails, Handles, Catches>,
    OuterReq,
    InnerReq | Passed<OuterReq, InnerReq>,
    InnerRes,
    Catches
  >(part, perService);
}

type Passed<Req, Inner> = Inner extends Passes<infer Adds> ? Req & Adds : never;
type PassedBack<Res, Outer> = Outer extends Passes<infer Yields> ? Res | Yields : never;
