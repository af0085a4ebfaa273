import type {
  AnyAdapter,
  CatchesOf,
  Adapter,
  EndsOf,
  InnerReqOf,
  InnerRequest,
  InnerResOf,
  OuterResOf,
  OuterResponse,
  Passes,
  RaisesOf,
} from "./adapter.ts";
import type { AcceptsOf, AddsOf, AnyLayer, FailsOf, HandlesOf, Layer, YieldsOf } from "./layer.ts";
import type { Service } from "./service.ts";

/** A layer or an adapter at run time. */
type Part = (inner: unknown) => unknown;

/**
 * Composes a stack, outermost part first, in the order in which a request meets them.
 *
 * Because it works from the outside in, it knows the request at every step, and which responses and
 * errors inner parts may return. A part in the wrong place is a compile error on its own line. The
 * errors of the whole stack are inferred on the way.
 *
 * @example
 * const stack = new ServiceBuilder<HttpRequest>()
 *   .layer(respond({ TimedOut: 504 }))
 *   .layer(timeout({ ms: 1_000 }))
 *   .service(handler);
 *
 * @typeParam Outer The request as it enters the stack.
 * @typeParam Inner The request as the next part finds it.
 * @typeParam Fails The errors that the parts so far raise and do not handle.
 * @typeParam Handles The inner errors that the parts so far handle.
 * @typeParam Gives The stack's response: that of the service and what layers yield (`Passes`),
 * until an adapter changes it.
 * @typeParam Accepts What the response of the next part must be.
 * @typeParam Catches What the errors of the next part must be.
 */
export class ServiceBuilder<
  Outer,
  Inner = Outer,
  Fails = never,
  Handles = never,
  Gives = Passes<never>,
  Accepts = unknown,
  Catches = unknown,
> {
  readonly #parts: readonly Part[];

  /**
   * An empty stack for requests of type `Outer`. Builders are immutable: each step returns a new
   * one.
   */
  constructor();
  /** @internal */
  constructor(parts: readonly Part[]);
  constructor(parts: readonly Part[] = []) {
    this.#parts = parts;
  }

  /** Adds a layer inside the parts so far. */
  layer<L extends AnyLayer<Inner, Catches, Accepts>, Adds, F extends Catches, H, Y extends Accepts, A>(
    // `L` alone would infer the layer. The other half of the union lets `Inner` reach callbacks in
    // a factory's options, so that `rateLimit({ key: (request) => request.path })` needs no
    // annotation; its free parameters keep the compiler from taking more than `Inner` from here,
    // which would turn a factory's own errors into `unknown`.
    layer: L | Layer<Inner, Adds, F, H, Y, A>,
  ): ServiceBuilder<
    Outer,
    Inner & AddsOf<L>,
    Fails | Exclude<FailsOf<L>, Handles>,
    Handles | HandlesOf<L>,
    Yielding<Gives, YieldsOf<L>>,
    Accepts & AcceptsOf<L>,
    Catches | HandlesOf<L>
  > {
    return new ServiceBuilder([...this.#parts, layer as Part]);
  }

  /**
   * Adds an adapter inside the parts so far. From here on the stack has the types of the adapter's
   * inner service.
   */
  adapt<
    A extends AnyAdapter<Inner, Catches, Speaks<OuterResOf<A>, Accepts>>,
    InnerReq,
    InnerRes,
    F extends Catches,
    H,
    C,
  >(
    adapter: A | Adapter<Inner, InnerReq, InnerRes, Speaks<OuterResOf<A>, Accepts>, F, H, C>,
  ): ServiceBuilder<
    Outer,
    InnerRequest<Inner, InnerReqOf<A>>,
    Fails | Exclude<RaisesOf<A>, Handles>,
    Handles | EndsOf<A>,
    Adapting<Gives, OuterResOf<A>>,
    OuterResOf<A> extends Passes<unknown> ? Accepts & InnerResOf<A> : InnerResOf<A>,
    (Catches | EndsOf<A>) & CatchesOf<A>
  > {
    return new ServiceBuilder([...this.#parts, adapter as Part]);
  }

  /** Completes the stack with its innermost service. */
  service<Res extends Accepts, Err extends Catches>(
    inner: Service<Inner, Res, Err>,
  ): Service<Outer, OuterResponse<Res, Gives>, Fails | Exclude<Err, Handles>> {
    return this.#wrap(inner) as Service<Outer, OuterResponse<Res, Gives>, Fails | Exclude<Err, Handles>>;
  }

  /**
   * Returns the parts so far as one layer for other stacks. Its responses must be inner's, and its
   * inner request must extend the outer one. Otherwise use `asAdapter`.
   */
  asLayer<Adds, Yields>(
    this: ServiceBuilder<Outer, Outer & Adds, Fails, Handles, Passes<Yields>, Accepts, unknown>,
  ): Layer<Outer, Adds, Fails, Handles, Yields, Accepts> {
    return this.asAdapter() as unknown as Layer<Outer, Adds, Fails, Handles, Yields, Accepts>;
  }

  /** Returns the parts so far as one adapter for other stacks. */
  asAdapter(): Adapter<Outer, Inner, Accepts, Gives, Fails, Handles, Catches> {
    return ((inner: unknown) => this.#wrap(inner)) as unknown as Adapter<
      Outer,
      Inner,
      Accepts,
      Gives,
      Fails,
      Handles,
      Catches
    >;
  }

  #wrap(inner: unknown): unknown {
    return this.#parts.reduceRight((service, part) => part(service), inner);
  }
}

/** The responses that an adapter may return where `Accepts` is required. */
type Speaks<OuterRes, Accepts> = OuterRes extends Passes<unknown> ? Passes<Accepts> : Accepts;
/** The response of a stack to which a layer that yields `More` is added. */
type Yielding<Gives, More> = Gives extends Passes<infer Yields> ? Passes<Yields | More> : Gives;
/** The response of a stack to which an adapter is added: the outermost one decides. */
type Adapting<Gives, OuterRes> =
  Gives extends Passes<infer Yields>
    ? OuterRes extends Passes<infer More>
      ? Passes<Yields | More>
      : OuterRes | Yields
    : Gives;
