import { around, type Around } from "./around.ts";
import type { Service } from "./service.ts";

/**
 * A policy around a service. It may add to what passes through, never replace it: that is an `Adapter`. `layer()` makes
 * one; a plain function from service to service is not a layer, whatever its type.
 *
 * @typeParam Needs What the request must already carry where the layer stands.
 * @typeParam Adds What inner layers find on the request in addition.
 * @typeParam Fails The errors that this layer raises.
 * @typeParam Handles The inner errors that end here.
 * @typeParam Yields The responses that it can give by itself.
 * @typeParam Accepts What the inner response must be.
 */
export interface Layer<
  in Needs = unknown,
  out Adds = unknown,
  out Fails = never,
  out Handles = never,
  out Yields = never,
  in Accepts = unknown,
> {
  <Req extends Needs, Res extends Accepts, Err>(
    inner: Service<Req & Adds, Res, Err>,
  ): Service<Req, Res | Yields, Exclude<Err, Handles> | Fails>;
  /**
   * For the compiler only; never set. The builder reads a layer's parts off it. Whatever lacks it is not a layer: its name
   * is what the compiler then shows.
   */
  readonly "~layer: adapters go into adapt(); make layers with layer(name, perService)": {
    adds: Adds;
    fails: Fails;
    handles: Handles;
    yields: Yields;
    accepts: (response: Accepts) => void;
  };
}

/** Any layer that can stand where requests carry `Has`, whose errors are `Raises` and whose own responses are `Gives`. */
export type AnyLayer<Has, Raises = unknown, Gives = unknown> = Layer<
  Has,
  unknown,
  Raises,
  unknown,
  Gives,
  never
>;

type TypesOf<L extends AnyLayer<never>> =
  L["~layer: adapters go into adapt(); make layers with layer(name, perService)"];
/** What a layer adds to the request. */
export type AddsOf<L extends AnyLayer<never>> = TypesOf<L> extends { adds: infer A } ? A : never;
/** The errors that a layer raises. */
export type FailsOf<L extends AnyLayer<never>> = TypesOf<L> extends { fails: infer F } ? F : never;
/** The inner errors that end at a layer. */
export type HandlesOf<L extends AnyLayer<never>> = TypesOf<L> extends { handles: infer H } ? H : never;
/** The responses that a layer can give by itself. */
export type YieldsOf<L extends AnyLayer<never>> = TypesOf<L> extends { yields: infer Y } ? Y : never;
/** What the response inside a layer must be. */
export type AcceptsOf<L extends AnyLayer<never>> =
  TypesOf<L> extends { accepts: (response: infer A) => void } ? Demanded<A> : never;

/**
 * What a part demands of what is further in. `never` comes from a part that did not compile: the compiler has said so on
 * its line, and should not repeat it at the service.
 */
export type Demanded<T> = [T] extends [never] ? unknown : T;

/**
 * Makes a layer. `perService` runs once for each service that the layer is put around; what it returns answers
 * the calls. It sees the errors that it handles beside the unknown rest (`Err | Handles`) and must give back the
 * rest and what it raises (`Err | Fails`), so the compiler checks that what is declared handled is.
 *
 * @example
 * interface TooLong extends Fault<"TooLong"> { readonly maxLength: number }
 *
 * function maxLength(max: number) {
 *   return layer<string, unknown, TooLong>("max-length", (inner) => ({
 *     options: { max },
 *     call: (text, signal) =>
 *       text.length <= max
 *         ? inner.call(text, signal)
 *         : Promise.resolve(left({ _tag: "TooLong", origin: "local", retryable: false, maxLength: max })),
 *   }));
 * }
 *
 * @param name What `describe()` calls it: the package's name without its scope.
 */
export function layer<
  Needs = unknown,
  Adds = unknown,
  Fails = never,
  Handles = never,
  Yields = never,
  Accepts = unknown,
>(
  name: string,
  // `Res & Accepts`, not `Res extends Accepts`: the latter cannot be inferred where no type arguments are given.
  perService: <Res, Err>(
    inner: Service<Needs & Adds, Res & Accepts, Err | Handles>,
  ) => Around<Needs, (Res & Accepts) | Yields, Err | Fails>,
): Layer<Needs, Adds, Fails, Handles, Yields, Accepts> {
  function wrap(inner: Service<Needs & Adds, Accepts, unknown>): Service<Needs, unknown, unknown> {
    return around(name, inner, perService(inner));
  }
  // TypeScript cannot see that `Err | Handles` less what is handled is `Exclude<Err, Handles>`, nor that a request
  // keeps the rest of its type on the way in. This cast says both, once for all layers.
  return wrap as unknown as Layer<Needs, Adds, Fails, Handles, Yields, Accepts>;
}
