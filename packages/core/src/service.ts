import type { Either, Left, Right } from "fp-ts/lib/Either.js";
import type { Description, Details } from "./description.ts";

/**
 * One thing that answers requests: a function, a remote endpoint, or a whole stack of layers around one.
 *
 * Readiness and calls follow two rules that every implementation keeps:
 * - `ready()` reserves nothing. JavaScript runs one thing at a time, so who finds a service ready and calls it
 *   in the same tick is admitted, and who goes away leaves nothing behind.
 * - `call()` made while the service is not ready gives a typed error; it is never silently queued.
 */
export interface Service<in Req, out Res, out Err = never> {
  /**
   * `undefined`: a call made now, in this same tick, will be admitted.
   * A promise: not now; it settles when it is worth asking again, and never rejects.
   * To wait, use `whenReady` or `oneshot`, which keep the order of those who wait.
   */
  ready(): undefined | Promise<void>;

  /**
   * Answers one request. Expected failures come as `Left`; the promise rejects only for a defect, that is a
   * mistake in the program.
   *
   * @param signal Aborted when the caller no longer wants the answer. A service that sees it aborted stops what
   * it began, clears its timers and listeners, and settles.
   */
  call(req: Req, signal?: AbortSignal): Promise<Either<Err, Res>>;

  /** What this is, how it is set, how it stands now, and what it stands around. */
  describe(): Description;
}

/** The request type that a service takes. */
export type RequestOf<S> = S extends Service<infer Req, unknown, unknown> ? Req : never;
/** The response type that a service gives. */
export type ResponseOf<S> = S extends Service<never, infer Res, unknown> ? Res : never;
/** The union of errors that a service may give. */
export type ErrorOf<S> = S extends Service<never, unknown, infer Err> ? Err : never;

/** What the innermost service of a stack may say of itself beside answering calls. */
export interface LeafOptions extends Details {
  /** Default: always ready. */
  readonly ready?: () => undefined | Promise<void>;
}

/** The errors of a result, or of a union of results, as several `return left(…)` make one; promises are looked into. */
export type LeftOf<Result> =
  Awaited<Result> extends infer R ? (R extends Left<infer Err> ? Err : never) : never;
/** The responses of a result, or of a union of results; promises are looked into. */
export type RightOf<Result> =
  Awaited<Result> extends infer R ? (R extends Right<infer Res> ? Res : never) : never;

/**
 * A service from a function: the innermost part of a stack. Its errors and responses are all that the function returns.
 *
 * @example
 * const half = service("half", async (n: number) => {
 *   if (!Number.isInteger(n)) return left("no integer" as const);
 *   if (n % 2 === 1) return left("odd" as const);
 *   return right(n / 2);
 * });
 *
 * @param name What `describe()` calls it.
 */
export function service<Req, Res, Err = never>(
  name: string,
  call: (req: Req, signal?: AbortSignal) => Promise<Either<Err, Res>>,
  leaf?: LeafOptions,
): Service<Req, Res, Err>;
/** The same for a function that returns several kinds of errors or responses: their union. */
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
    call(req, signal) {
      // A function that is not async throws its defects; a call must reject instead, or the layers around it would have
      // to reckon with both.
      try {
        return call(req, signal);
      } catch (defect) {
        return Promise.reject(defect);
      }
    },
    describe: () => ({ name, ...(options && { options }), ...(state && { state: state() }) }),
  };
}

function alwaysReady(): undefined {
  return undefined;
}
