import type { Either, Left, Right } from "./either.ts";
import type { Description, Details } from "./description.ts";
import { guarded } from "./guard.ts";

/**
 * Anything that answers requests: a function, a remote endpoint, or a whole stack of layers around
 * one.
 *
 * Every implementation follows two rules of readiness:
 * - `ready()` reserves nothing. JavaScript runs one thing at a time, so a caller that finds a
 *   service ready and calls it in the same tick is admitted, and a caller that goes away leaves
 *   nothing behind.
 * - A call to a service that is not ready returns a typed error; it is never silently queued.
 */
export interface Service<in Req, out Res, out Err = never> {
  /**
   * Returns `undefined` if a call made now, in this same tick, will be admitted. Otherwise returns
   * a promise that settles when it is worth asking again, and never rejects. To wait, use
   * `whenReady` or `oneshot`, which keep waiters in order.
   */
  ready(): undefined | Promise<void>;

  /**
   * Answers one request. Expected failures are returned as `Left`; the promise rejects only for a
   * defect, that is, a bug in the program.
   *
   * @param signal Aborted when the caller no longer wants the answer. The service then stops its
   * work, clears its timers and listeners, and settles.
   */
  call(req: Req, signal?: AbortSignal): Promise<Either<Err, Res>>;

  /** Returns the service's name, options, live state and inner services. */
  describe(): Description;
}

/** The request type that a service takes. */
export type RequestOf<S> = S extends Service<infer Req, unknown, unknown> ? Req : never;
/** The response type that a service returns. */
export type ResponseOf<S> = S extends Service<never, infer Res, unknown> ? Res : never;
/** The union of errors that a service may return. */
export type ErrorOf<S> = S extends Service<never, unknown, infer Err> ? Err : never;

/** Optional readiness and description of a leaf service. */
export interface LeafOptions extends Details {
  /** Default: always ready. */
  readonly ready?: () => undefined | Promise<void>;
}

/**
 * The errors of a result or a union of results, such as a function with several `return left(…)`;
 * promises are unwrapped.
 */
export type LeftOf<Result> =
  Awaited<Result> extends infer R ? (R extends Left<infer Err> ? Err : never) : never;
/** The responses of a result or a union of results; promises are unwrapped. */
export type RightOf<Result> =
  Awaited<Result> extends infer R ? (R extends Right<infer Res> ? Res : never) : never;

/**
 * Makes a service from a function: the innermost part of a stack. Its errors and responses are
 * those of the function.
 *
 * @example
 * const half = service("half", async (n: number) => {
 *   if (!Number.isInteger(n)) return left("not an integer" as const);
 *   if (n % 2 === 1) return left("odd" as const);
 *   return right(n / 2);
 * });
 *
 * @param name Its name in `describe()`.
 */
export function service<Req, Res, Err = never>(
  name: string,
  call: (req: Req, signal?: AbortSignal) => Promise<Either<Err, Res>>,
  leaf?: LeafOptions,
): Service<Req, Res, Err>;
/**
 * The same for a function that returns several kinds of errors or responses: infers their union.
 */
export function service<Req, Result extends Promise<Either<unknown, unknown>>>(
  name: string,
  call: (req: Req, signal?: AbortSignal) => Result,
  leaf?: LeafOptions,
): Service<Req, RightOf<Result>, LeftOf<Result>>;
export function service<Req, Res, Err>(
  name: string,
  call: (req: Req, signal?: AbortSignal) => Promise<Either<Err, Res>>,
  leaf: LeafOptions = {},
): Service<Req, Res, Err> {
  const { ready = alwaysReady, options, state } = leaf;
  return {
    ready,
    call: guarded(call),
    describe: () => ({ name, ...(options && { options }), ...(state && { state: state() }) }),
  };
}

function alwaysReady(): undefined {
  return undefined;
}
