import { type Either, isLeft } from "./either.ts";

/**
 * An expected failure, as a value. Every error that a layer raises is one, so that generic layers
 * (retry, circuit breaker, balance) can judge it without knowing its tag.
 *
 * A fault is a plain readonly object: an interface that extends `Fault<"Tag">` with fields whose
 * names carry their unit, and an object literal where it is raised.
 */
export interface Fault<Tag extends string = string> {
  readonly _tag: Tag;
  /**
   * `upstream`: the other side failed, and its health checks, breaker and latency may count it.
   * `local`: this side refused or gave up; it says nothing about the upstream and never counts
   * against it.
   */
  readonly origin: "local" | "upstream";
  /**
   * The same call may succeed if it is made again. Whether it may be repeated at all depends on the
   * request.
   */
  readonly retryable: boolean;
  /**
   * `false`: the upstream has not acted on the request, so it can be sent again unchanged, whatever
   * its method: its body is unread or can be read again. Absent when this is not known (RFC 9110,
   * 9.2.2; RFC 9113, 8.7).
   */
  readonly processed?: false | undefined;
  /** Milliseconds to wait before trying again, if known. */
  readonly retryAfterMs?: number | undefined;
  /**
   * The upstream that was called, such as `http://10.0.0.7:8080`; absent if none was called or it
   * is not known.
   */
  readonly upstream?: string | undefined;
  /** The underlying error, for logs; never shown to clients. */
  readonly cause?: unknown;
}

/** Whether a value has the fields that every fault has. */
export function isFault(value: unknown): value is Fault {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Fault)._tag === "string" &&
    ((value as Fault).origin === "local" || (value as Fault).origin === "upstream") &&
    typeof (value as Fault).retryable === "boolean"
  );
}

/**
 * Returns the fault that a call ended with: its error, or the `fault` of a response that a layer
 * made from one. Classifiers, metrics, logs and traces all use it, and therefore agree on how a
 * call ended.
 *
 * @returns `undefined` for an upstream's response, and for an error that is not a fault.
 */
export function faultOf(result: Either<unknown, unknown>): Fault | undefined {
  const fault = isLeft(result)
    ? result.left
    : (result.right as { readonly fault?: unknown } | null | undefined)?.fault;
  return isFault(fault) ? fault : undefined;
}

/**
 * Whether an error states that its request was never processed and can be sent again, whatever its
 * method.
 */
export function neverProcessed(error: unknown): boolean {
  return isFault(error) && error.processed === false;
}

/**
 * Returns a predicate that is true for faults of the given tag and narrows a union of faults to
 * that one.
 */
export function hasTag<Tag extends string>(tag: Tag): <E>(error: E) => error is Extract<E, Fault<Tag>> {
  return (error): error is never => isFault(error) && error._tag === tag;
}

/**
 * Returns the reason with which a layer aborts calls that ran out of time: a `TimeoutError`, like
 * that of `AbortSignal.timeout`, which code behind `fetch` and streams expects. The fault is its
 * `cause`.
 */
export function timeoutError(message: string, fault?: Fault): DOMException {
  return new DOMException(message, { name: "TimeoutError", cause: fault });
}

/**
 * Returns the reason with which a layer aborts calls that are no longer wanted: an `AbortError`
 * with the fault as `cause`.
 */
export function abortError(message: string, fault?: Fault): DOMException {
  return new DOMException(message, { name: "AbortError", cause: fault });
}

/** The caller's signal was aborted: the answer is no longer wanted. */
export interface Aborted extends Fault<"Aborted"> {
  readonly origin: "local";
  readonly retryable: false;
}

/** Returns the fault of a call whose signal is aborted, with the signal's reason as its cause. */
export function aborted(signal: AbortSignal): Aborted {
  return { _tag: "Aborted", origin: "local", retryable: false, cause: signal.reason };
}
