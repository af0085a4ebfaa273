import type { Details } from "./description.ts";
import type { Service } from "./service.ts";

/**
 * Wraps a service in a policy. `layer()` makes one; a plain function from service to service is none, whatever its type.
 * Five words say what a layer does to the types:
 *
 * @typeParam Needs What the request must already carry where the layer stands.
 * @typeParam Adds What inner layers find on the request beside that.
 * @typeParam Fails The errors that this layer raises.
 * @typeParam Handles The inner errors that end here.
 * @typeParam Yields The responses that it can give by itself.
 */
export interface Layer<
  in Needs = unknown,
  out Adds = unknown,
  out Fails = never,
  out Handles = never,
  out Yields = never,
> {
  <Req extends Needs, Res, Err>(
    inner: Service<Req & Adds, Res, Err>,
  ): Service<Req, Res | Yields, Exclude<Err, Handles> | Fails>;
  /**
   * For the compiler only; never set. The builder reads a layer's parts off it. A plain function lacks it and is no layer,
   * since nothing could be inferred from it: this name is what the compiler then shows.
   */
  readonly "~layer: rewrite a function with layer(name, perService), or call it with the service": {
    adds: Adds;
    fails: Fails;
    handles: Handles;
    yields: Yields;
  };
}

/** A layer whatever it does, as far as it can stand where requests carry `Has`. */
export type AnyLayer<Has> = Layer<Has, unknown, unknown, unknown, unknown>;

type TypesOf<L extends AnyLayer<never>> =
  L["~layer: rewrite a function with layer(name, perService), or call it with the service"];
/** What a layer adds to the request. */
export type AddsOf<L extends AnyLayer<never>> = TypesOf<L> extends { adds: infer A } ? A : never;
/** The errors that a layer raises. */
export type FailsOf<L extends AnyLayer<never>> = TypesOf<L> extends { fails: infer F } ? F : never;
/** The inner errors that end at a layer. */
export type HandlesOf<L extends AnyLayer<never>> = TypesOf<L> extends { handles: infer H } ? H : never;
/** The responses that a layer can give by itself. */
export type YieldsOf<L extends AnyLayer<never>> = TypesOf<L> extends { yields: infer Y } ? Y : never;

/** What a layer does around one inner service: the functions must not use `this`. */
export interface Around<Req, Res, Err> extends Details {
  /** Default: as ready as inner. A layer with a limit of its own answers for both. */
  readonly ready?: () => undefined | Promise<void>;
  readonly call: Service<Req, Res, Err>["call"];
}

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
export function layer<Needs = unknown, Adds = unknown, Fails = never, Handles = never, Yields = never>(
  name: string,
  perService: <Res, Err>(
    inner: Service<Needs & Adds, Res, Err | Handles>,
  ) => Around<Needs, Res | Yields, Err | Fails>,
): Layer<Needs, Adds, Fails, Handles, Yields> {
  function wrap(inner: Service<Needs & Adds, unknown, unknown>): Service<Needs, unknown, unknown> {
    const { ready, call, options, state } = perService(inner);
    return {
      ready: ready ?? (() => inner.ready()),
      call,
      describe: () => ({
        name,
        ...(options && { options }),
        ...(state && { state: state() }),
        inner: [inner.describe()],
      }),
    };
  }
  // TypeScript cannot see that `Err | Handles` less what is handled is `Exclude<Err, Handles>`, nor that a request
  // keeps the rest of its type on the way in. This cast says both, once for all layers.
  return wrap as unknown as Layer<Needs, Adds, Fails, Handles, Yields>;
}
