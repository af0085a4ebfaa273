import { type Around, type Part, partOf } from "./around.ts";
import type { Service } from "./service.ts";

/**
 * A policy around a service. It may add to requests, responses and errors, but not change their
 * type: that is an `Adapter`. Make one with `layer()`; a plain function from service to service is
 * not a layer, whatever its type.
 *
 * @typeParam Needs What the request must already carry where the layer stands.
 * @typeParam Adds What it adds to the request for inner layers.
 * @typeParam Fails The errors that this layer raises.
 * @typeParam Handles The inner errors that it handles.
 * @typeParam Yields The responses that it can return without calling inner.
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
   * For the compiler only; never set. The builder reads a layer's type parameters from it. Anything
   * without it is not a layer, and the compiler then shows its name.
   */
  readonly "~layer: adapters go into adapt(); make layers with layer(name, perService)": {
    adds: Adds;
    fails: Fails;
    handles: Handles;
    yields: Yields;
    accepts: (response: Accepts) => void;
  };
}

/**
 * Any layer that can stand where requests carry `Has`, whose errors are `Raises` and whose own
 * responses are `Gives`.
 */
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
export type AddsOf<L extends AnyLayer<never>> = TypesOf<L>["adds"];
/** The errors that a layer raises. */
export type FailsOf<L extends AnyLayer<never>> = TypesOf<L>["fails"];
/** The inner errors that a layer handles. */
export type HandlesOf<L extends AnyLayer<never>> = TypesOf<L>["handles"];
/** The responses that a layer can return without calling inner. */
export type YieldsOf<L extends AnyLayer<never>> = TypesOf<L>["yields"];
/** What the response inside a layer must be. */
export type AcceptsOf<L extends AnyLayer<never>> =
  TypesOf<L> extends { accepts: (response: infer A) => void } ? Demanded<A> : never;

/**
 * What a part requires of the parts inside it. `never` comes from a part that did not compile: the
 * compiler has reported it on that line and should not repeat it at the service.
 */
export type Demanded<T> = [T] extends [never] ? unknown : T;

/**
 * Makes a layer. `perService` runs once for each service that the layer wraps; what it returns
 * answers the calls. It sees the errors that it handles and the unknown rest (`Err | Handles`), and
 * must return only the rest and what it raises (`Err | Fails`): so the compiler checks that
 * declared errors are really handled.
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
 * @param part Its name in `describe()`: the package's name without its scope.
 */
export function layer<
  Needs = unknown,
  Adds = unknown,
  Fails = never,
  Handles = never,
  Yields = never,
  Accepts = unknown,
>(
  part: string | Part,
  // `Res & Accepts`, not `Res extends Accepts`: the latter cannot be inferred where no type
  // arguments are given.
  perService: <Res, Err>(
    inner: Service<Needs & Adds, Res & Accepts, Err | Handles>,
  ) => Around<Needs, (Res & Accepts) | Yields, Err | Fails>,
): Layer<Needs, Adds, Fails, Handles, Yields, Accepts> {
  return partOf<Layer<Needs, Adds, Fails, Handles, Yields, Accepts>, Needs, Needs & Adds, Accepts>(
    part,
    perService,
  );
}
