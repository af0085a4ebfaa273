import { type Either, isLeft, left, right } from "./either.ts";
import type { Aborted } from "./fault.ts";
import { faultText } from "./fault-text.ts";
import { checkMaxWait, oneshot, type Wait } from "./oneshot.ts";
import { type LeftOf, type RightOf, service, type Service } from "./service.ts";

/** A call that has not begun: fp-ts's type of this name, which is structural. */
export type TaskEither<E, A> = () => Promise<Either<E, A>>;

/** Makes a service from a function that returns an fp-ts `TaskEither`. */
export function fromTaskEither<Req, Res, Err>(
  name: string,
  task: (request: Req, signal?: AbortSignal) => TaskEither<Err, Res>,
): Service<Req, Res, Err>;
/**
 * The same for a function that returns several kinds of tasks: infers the union of their errors and
 * responses.
 */
export function fromTaskEither<Req, Task extends TaskEither<unknown, unknown>>(
  name: string,
  task: (request: Req, signal?: AbortSignal) => Task,
): Service<Req, RightOf<ReturnType<Task>>, LeftOf<ReturnType<Task>>>;
export function fromTaskEither<Req, Res, Err>(
  name: string,
  task: (request: Req, signal?: AbortSignal) => TaskEither<Err, Res>,
): Service<Req, Res, Err> {
  return service(name, (request: Req, signal) => task(request, signal)());
}

/**
 * Turns a service into a function that returns a `TaskEither`. A service that is not ready refuses
 * at once with its own error; with `maxWaitMs`, running the task waits up to that long for
 * readiness.
 *
 * @throws RangeError when `maxWaitMs` is out of range.
 */
export function toTaskEither<Req, Res, Err>(
  inner: Service<Req, Res, Err>,
  wait?: Wait,
): (request: Req, signal?: AbortSignal) => TaskEither<Err | Aborted, Res> {
  const call = calling("toTaskEither", inner, wait);
  return (request, signal) => () => call(request, signal);
}

/** Calls at once unless `maxWaitMs` is given. */
function calling<Req, Res, Err>(
  name: string,
  inner: Service<Req, Res, Err>,
  { maxWaitMs = 0, ...rest }: Wait = {},
): (request: Req, signal?: AbortSignal) => Promise<Either<Err | Aborted, Res>> {
  checkMaxWait(name, maxWaitMs);
  if (maxWaitMs === 0) return (request, signal) => inner.call(request, signal);
  return (request, signal) => oneshot(inner, request, signal, { maxWaitMs, ...rest });
}

/**
 * Makes a service from a plain async function that throws.
 *
 * @param onThrow Converts a thrown value to a typed error. Rethrow defects from it.
 */
export function fromAsync<Req, Res, Err>(
  name: string,
  run: (request: Req, signal?: AbortSignal) => Promise<Res>,
  onThrow: (thrown: unknown) => Err,
): Service<Req, Res, Err> {
  return service(name, async (request: Req, signal): Promise<Either<Err, Res>> => {
    try {
      return right(await run(request, signal));
    } catch (thrown) {
      return left(onThrow(thrown));
    }
  });
}

/**
 * Thrown by functions from {@link toAsync}; the fault is its `cause`, and its message describes it:
 * see {@link faultText}.
 */
export class CallFailed<Err = unknown> extends Error {
  override readonly name = "CallFailed";
  override readonly cause: Err;

  /** @param what What failed, such as `GET https://a.example/users failed`. */
  constructor(cause: Err, what?: string) {
    const text = faultText(cause);
    super(what === undefined ? text : `${what}: ${text}`, { cause });
    this.cause = cause;
  }
}

/**
 * Turns a service into a plain async function that returns the response and throws
 * {@link CallFailed} with the typed error as `cause`. A service that is not ready refuses at once;
 * with `maxWaitMs`, the call waits up to that long for readiness.
 *
 * @throws RangeError when `maxWaitMs` is out of range.
 */
export function toAsync<Req, Res, Err>(
  inner: Service<Req, Res, Err>,
  wait?: Wait,
): (request: Req, signal?: AbortSignal) => Promise<Res> {
  const call = calling("toAsync", inner, wait);
  return async (request, signal) => {
    const result = await call(request, signal);
    if (isLeft(result)) throw new CallFailed(result.left);
    return result.right;
  };
}
