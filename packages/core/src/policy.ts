import type { Description } from "./description.ts";
import { type Either, left, right } from "./either.ts";
import { type Aborted, aborted, type Fault } from "./fault.ts";
import type { AcceptsOf, AnyLayer, FailsOf, HandlesOf, YieldsOf } from "./layer.ts";
import { idempotent, type Replay, type Replayable } from "./replayable.ts";
import { service, type Service } from "./service.ts";

/** The request that the layers of a {@link Policy} see. */
export type Execution = Replayable;

/** What a function that a {@link Policy} executes receives. */
export interface ExecutionContext {
  /** Aborted when the result is no longer wanted: by a timeout, for example, or by the caller. */
  readonly signal: AbortSignal;
}

/** Options of `Policy.execute`. */
export interface ExecuteOptions {
  /** Abort it when the result is no longer wanted. */
  readonly signal?: AbortSignal | undefined;
  /** How often the function may run. Default: `idempotent`. */
  readonly replay?: Replay;
}

/**
 * Runs functions inside layers.
 *
 * @typeParam Errors What `execute` may return as `Left`.
 * @typeParam Yields The responses that the layers may return themselves.
 * @typeParam Accepts What the functions must return.
 */
export interface Executor<out Errors, out Yields = never, in Accepts = unknown> {
  /**
   * Runs a function inside the layers, as often as they decide: `retry` repeats it, a rate limit
   * may refuse it. A policy that is not ready refuses at once with the error of the layer.
   *
   * What the function throws is a defect, and the promise rejects with it, unless `onThrow` makes
   * an error of it. What it throws after its signal was aborted becomes {@link Aborted}.
   */
  execute<Res extends Accepts>(
    run: (context: ExecutionContext) => Res | Promise<Res>,
    options?: ExecuteOptions,
  ): Promise<Either<Errors, Res | Yields>>;

  /** Returns the layers with their options and live state. */
  describe(): Description;
}

/**
 * Layers around functions. Made by {@link policy}.
 *
 * @typeParam Handles The errors that the layers handle.
 */
export interface Policy<
  out Errors,
  in out Handles = never,
  out Yields = never,
  in Accepts = unknown,
> extends Executor<Errors, Yields, Accepts> {
  /**
   * Returns an executor with the same layers and the same state, which converts what functions
   * throw to typed errors, so that layers such as `retry` and `circuitBreaker` can judge it.
   *
   * @param convert Converts a thrown value. Rethrow defects from it.
   */
  onThrow<Thrown extends Fault>(
    convert: (thrown: unknown) => Thrown,
  ): Executor<Errors | Exclude<Thrown, Handles>, Yields, Accepts>;
}

/**
 * Combines layers for functions that are passed one by one, outermost layer first. State, such as
 * an open circuit or what is left of a rate, belongs to the policy, so make one for each upstream
 * and keep it.
 *
 * Any layer will do that needs nothing of its request, or only {@link Replayable}. For layers that
 * read the request, and for adapters, make a stack with `ServiceBuilder` around a service from
 * `fromAsync`. A function may run more than once if the policy has a layer that repeats calls: pass
 * `replay: once` to `execute` for one that must not.
 *
 * @example
 * const lookups = policy(retry(), timeout({ ms: 100 })).onThrow(
 *   (cause): Unreachable => ({ _tag: "Unreachable", origin: "upstream", retryable: true, cause }),
 * );
 * const result = await lookups.execute(({ signal }) => fetch("https://a.example/", { signal }));
 * // Either<Unreachable | TimedOut | Aborted, Response>
 */
export function policy<const Layers extends readonly AnyLayer<Execution>[]>(
  ...layers: Layers
): Policy<
  RaisedBy<Layers> | Exclude<Aborted, HandlesOf<Layers[number]>>,
  HandlesOf<Layers[number]>,
  YieldsOf<Layers[number]>,
  AcceptedBy<Layers>
> {
  const stack = layers.reduceRight<unknown>((inner, layer) => layer(inner as never), leaf) as Service<
    Run,
    never
  >;
  return {
    ...executor(stack, rethrow),
    onThrow: (convert: Convert) => executor(stack, convert),
  } as never;
}

/** The errors that layers raise and no layer outside of them handles. */
type RaisedBy<Layers extends readonly AnyLayer<never>[], Handled = never> = Layers extends readonly [
  infer L extends AnyLayer<never>,
  ...infer Inner extends readonly AnyLayer<never>[],
]
  ? Exclude<FailsOf<L>, Handled> | RaisedBy<Inner, Handled | HandlesOf<L>>
  : never;

/** What all of the layers accept as a response. */
type AcceptedBy<Layers extends readonly AnyLayer<never>[]> = Layers extends readonly [
  infer L extends AnyLayer<never>,
  ...infer Inner extends readonly AnyLayer<never>[],
]
  ? AcceptsOf<L> & AcceptedBy<Inner>
  : unknown;

type Convert = (thrown: unknown) => unknown;

/** A function on its way through the layers. */
interface Run extends Execution {
  readonly run: (context: ExecutionContext) => unknown;
  readonly convert: Convert;
}

const leaf: Service<Run, unknown, unknown> = /*#__PURE__*/ service(
  "execute",
  async ({ run, convert }: Run, signal = new AbortController().signal): Promise<Either<unknown, unknown>> => {
    try {
      return right(await run({ signal }));
    } catch (thrown) {
      // Nobody waits for it, and it says nothing about the upstream.
      return left(signal.aborted ? aborted(signal) : convert(thrown));
    }
  },
);

function executor(stack: Service<Run, never>, convert: Convert): Executor<never> {
  return {
    execute: (run, { signal, replay = idempotent } = {}) => stack.call({ run, convert, replay }, signal),
    describe: () => stack.describe(),
  };
}

function rethrow(thrown: unknown): never {
  throw thrown;
}
