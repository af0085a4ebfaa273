/**
 * A failure. The same as in fp-ts, so that results can be passed to and from its functions, but
 * without its code and declarations, which are several times as large as this package.
 */
export interface Left<out E> {
  readonly _tag: "Left";
  readonly left: E;
}

/** A success. */
export interface Right<out A> {
  readonly _tag: "Right";
  readonly right: A;
}

/** The result of a call: an error or a response. */
export type Either<E, A> = Left<E> | Right<A>;

/** Makes a failure. */
export function left<E = never, A = never>(error: E): Either<E, A> {
  return { _tag: "Left", left: error };
}

/** Makes a success. */
export function right<E = never, A = never>(value: A): Either<E, A> {
  return { _tag: "Right", right: value };
}

/** Whether a result is a failure. */
export function isLeft<E>(result: Either<E, unknown>): result is Left<E> {
  return result._tag === "Left";
}

/** Whether a result is a success. */
export function isRight<A>(result: Either<unknown, A>): result is Right<A> {
  return result._tag === "Right";
}
