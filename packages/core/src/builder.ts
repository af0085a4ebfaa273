import type { AddsOf, AnyLayer, FailsOf, HandlesOf, Layer, YieldsOf } from "./layer.ts";
import type { Service } from "./service.ts";

/**
 * Puts a stack together, outermost layer first, as a request meets them.
 *
 * Because it goes from the outside in, it knows at every step what the request carries there: a layer in the
 * wrong place does not compile, on its own line. The errors of the whole stack are inferred on the way.
 *
 * @example
 * const stack = new ServiceBuilder<HttpRequest>()
 *   .layer(respond({ TimedOut: 504 }))
 *   .layer(timeout({ ms: 1_000 }))
 *   .service(handler);
 *
 * @typeParam Outer The request as it enters the stack.
 * @typeParam Inner The request as the next layer will find it.
 * @typeParam Fails The errors that the layers so far let out.
 * @typeParam Handles The errors from further in that end in the layers so far.
 * @typeParam Yields The responses that the layers so far give by themselves.
 */
export class ServiceBuilder<Outer, Inner = Outer, Fails = never, Handles = never, Yields = never> {
  readonly #layers: readonly AnyLayer<never>[];

  /** An empty stack for requests of type `Outer`. Builders are values: each step gives a new one. */
  constructor();
  /** @internal */
  constructor(layers: readonly AnyLayer<never>[]);
  constructor(layers: readonly AnyLayer<never>[] = []) {
    this.#layers = layers;
  }

  /** Adds a layer inside those so far. */
  layer<L extends AnyLayer<Inner>, Adds, F, H, Y>(
    // `L` alone would infer the layer. The other half of the union lets `Inner` reach callbacks in a factory's options,
    // so that `rateLimit({ key: (request) => request.path })` needs no annotation; its free parameters keep the
    // compiler from taking more than `Inner` from here, which would turn a factory's own errors into `unknown`.
    layer: L | Layer<Inner, Adds, F, H, Y>,
  ): ServiceBuilder<
    Outer,
    Inner & AddsOf<L>,
    Fails | Exclude<FailsOf<L>, Handles>,
    Handles | HandlesOf<L>,
    Yields | YieldsOf<L>
  > {
    return new ServiceBuilder([...this.#layers, layer]);
  }

  /** Ends the stack with the service that the layers stand around. */
  service<Res, Err>(
    inner: Service<Inner, Res, Err>,
  ): Service<Outer, Res | Yields, Fails | Exclude<Err, Handles>> {
    return this.#wrap(inner) as Service<Outer, Res | Yields, Fails | Exclude<Err, Handles>>;
  }

  /** The layers so far as one layer, to be used in other stacks. */
  asLayer(): Layer<Outer, Inner, Fails, Handles, Yields> {
    return ((inner: Service<Inner, unknown, unknown>) => this.#wrap(inner)) as Layer<
      Outer,
      Inner,
      Fails,
      Handles,
      Yields
    >;
  }

  #wrap(inner: unknown): unknown {
    return this.#layers.reduceRight(
      (service, layer) => layer(service as Service<never, unknown, unknown>),
      inner,
    );
  }
}
