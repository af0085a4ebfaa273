import {
  checkInteger,
  type Either,
  idempotent,
  isLeft,
  layer,
  type Layer,
  type Left,
  left,
  neverProcessed,
  once,
  type Replayable,
} from "@pagoda/core";
import { type Body, bodyOf, type HttpRequest, ReplayBody, requestsTunnel } from "@pagoda/http";

export interface ReplayOptions {
  /**
   * Methods whose requests may be repeated, case-sensitive. Default: the idempotent ones of RFC
   * 9110, section 9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE.
   */
  readonly methods?: readonly string[];
  /** Maximum bytes of a recorded body: an integer of at least 0. Default 65,536, as in linkerd. */
  readonly maxBytes?: number;
  /**
   * Records the bodies of other methods, too. Such a request is not retried, but can be resent if
   * it was never processed, for example if an HTTP/2 origin refuses the stream while the body is
   * being sent. Default false.
   */
  readonly recordAll?: boolean;
}

const idempotentMethods: readonly string[] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/**
 * Makes HTTP requests repeatable for retries and hedging. A body is recorded while it streams, so
 * the first attempt is not delayed, and replayed byte for byte. A body longer than `maxBytes` is
 * passed on, but its request cannot be repeated. The same holds for other methods and, whatever the
 * method, for requests that ask for a tunnel (an upgrade, CONNECT), whose body is the client's side
 * of the tunnel.
 *
 * Place it outside `retry` and `hedge`. If a stack has two, the outer one does the work. Requests
 * without a body, or with one that is completely available, can even be sent twice at the same
 * time.
 *
 * Errors: none.
 *
 * Cost per call: a copy of the request, about 70 ns. The bytes of a streaming body are kept until
 * the call is answered.
 *
 * Source: linkerd's `http-retry`.
 *
 * @throws RangeError if `maxBytes` is out of range.
 */
export function replay({
  methods = idempotentMethods,
  maxBytes = 65_536,
  recordAll = false,
}: ReplayOptions = {}): Layer<HttpRequest, Replayable> {
  checkInteger("replay: maxBytes", maxBytes, { min: 0 });
  const repeatable = new Set(methods);

  return layer<HttpRequest, Replayable>({ name: "replay", unguarded: true }, (inner) => ({
    options: { methods, maxBytes, ...(recordAll && { recordAll }) },
    call(request, signal) {
      const { replay: known } = request as Partial<Replayable>;
      if (known !== undefined && !(recordAll && known === once))
        return inner.call(request as HttpRequest & Replayable, signal);
      const mayRepeat = repeatable.has(request.method);
      if (requestsTunnel(request) || !(mayRepeat || recordAll))
        return inner.call({ ...request, replay: once }, signal);
      const { body } = request;
      const whole = body.take();
      if (whole !== undefined) {
        const replay = mayRepeat ? idempotent : once;
        const result = inner.call({ ...request, body: bodyOf(whole), replay }, signal);
        return body.canRead ? result : result.then(withoutResend);
      }
      const recorded = recording(body, maxBytes, mayRepeat);
      // Only inner layers repeat the request, so the recording can be released once the call is
      // over.
      const release = (): void => recorded.body.release();
      const released = (defect: unknown): never => {
        release();
        throw defect;
      };
      try {
        return inner.call({ ...request, ...recorded }, signal).then((result) => {
          // The body is still unread, so an outer layer may resend the request.
          if (body.canRead && isUnprocessed(result)) return result;
          release();
          return withoutResend(result);
        }, released);
      } catch (defect) {
        return released(defect);
      }
    },
  }));
}

/**
 * Removes the mark that a request was never processed. Outside of this layer its body has been
 * read, so that it cannot be resent from there.
 */
function withoutResend<Err, Res>(result: Either<Err, Res>): Either<Err, Res> {
  return isUnprocessed(result) ? left({ ...result.left, processed: undefined }) : result;
}

function isUnprocessed<Err>(result: Either<Err, unknown>): result is Left<Err> {
  return isLeft(result) && neverProcessed(result.left);
}

function recording(source: Body, maxBytes: number, mayRepeat: boolean): { body: ReplayBody } & Replayable {
  const body = new ReplayBody(source, maxBytes);
  if (!mayRepeat) return { body, replay: once };
  return { body, replay: { canRepeat: () => body.canRead, canHedge: () => false } };
}
