import {
  checkInteger,
  idempotent,
  layer,
  type Layer,
  neverProcessed,
  once,
  type Replayable,
} from "@pagoda/core";
import { asksForTunnel, type Body, bodyOf, type HttpRequest, ReplayBody } from "@pagoda/http";
import { type Either, isLeft, type Left, left } from "fp-ts/lib/Either.js";

export interface ReplayOptions {
  /**
   * Methods whose requests may be made again, as on the wire. Default: the idempotent ones of RFC 9110, 9.2.2: GET,
   * HEAD, OPTIONS, TRACE, PUT, DELETE.
   */
  readonly methods?: readonly string[];
  /** Bytes of a body that are recorded: a whole number of 0 or more. Default 65,536, linkerd's. */
  readonly maxBytes?: number;
  /**
   * Whether to record the bodies of other methods too. Such a request is not retried, but can be sent again if it was never
   * processed, such as on a stream that an HTTP/2 origin refuses while the body is under way. Default false.
   */
  readonly recordAll?: boolean;
}

const idempotentMethods: readonly string[] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/**
 * Makes HTTP requests fit to be made again: what retries and hedging need. A body is recorded while it streams, so that
 * the first try is not delayed, and given again byte for byte, from its first one. One that is longer than `maxBytes`
 * goes through once, and its request cannot be made again; nor can one of another method, nor one that asks for a tunnel
 * (an upgrade, CONNECT), whatever its method: its body is what the client says there, for as long as it likes.
 *
 * It stands outside of `retry` and `hedge`. Of two in one stack the outer one does the work. Requests without a body, or
 * with one that is at hand as a whole, can even be made twice at the same time.
 *
 * Errors: none.
 *
 * Cost per call: a copy of the request, about 70 ns; for a body that streams, its bytes are kept until the call has
 * been answered.
 *
 * Source: linkerd's `http-retry`.
 *
 * @throws RangeError when `maxBytes` is out of range.
 */
export function replay({
  methods = idempotentMethods,
  maxBytes = 65_536,
  recordAll = false,
}: ReplayOptions = {}): Layer<HttpRequest, Replayable> {
  checkInteger("replay: maxBytes", maxBytes, { min: 0 });
  const repeatable = new Set(methods);

  return layer<HttpRequest, Replayable>("replay", (inner) => ({
    options: { methods, maxBytes, ...(recordAll && { recordAll }) },
    call(request, signal) {
      try {
        const { replay: known } = request as Partial<Replayable>;
        if (known !== undefined && !(recordAll && known === once))
          return inner.call(request as HttpRequest & Replayable, signal);
        const mayRepeat = repeatable.has(request.method);
        if (asksForTunnel(request) || !(mayRepeat || recordAll))
          return inner.call({ ...request, replay: once }, signal);
        const { body } = request;
        const whole = body.take();
        if (whole !== undefined) {
          const replay = mayRepeat ? idempotent : once;
          const result = inner.call({ ...request, body: bodyOf(whole), replay }, signal);
          return body.canRead ? result : result.then(notToBeResent);
        }
        const recorded = recording(body, maxBytes, mayRepeat);
        // Whoever makes it again is further in: once the call is over, nobody does any more.
        const release = (): void => recorded.body.release();
        const released = (defect: unknown): never => {
          release();
          throw defect;
        };
        try {
          return inner.call({ ...request, ...recorded }, signal).then((result) => {
            // Whoever stands outside may send it again, with a body that is still unread.
            if (body.canRead && isUnprocessed(result)) return result;
            release();
            return notToBeResent(result);
          }, released);
        } catch (defect) {
          return released(defect);
        }
      } catch (defect) {
        return Promise.reject(defect);
      }
    },
  }));
}

/**
 * Inner had a body that can be read again, whoever stands outside has one that cannot: a request that was never processed
 * cannot be sent again from there.
 */
function notToBeResent<Err, Res>(result: Either<Err, Res>): Either<Err, Res> {
  return isUnprocessed(result) ? left({ ...result.left, processed: undefined }) : result;
}

function isUnprocessed<Err>(result: Either<Err, unknown>): result is Left<Err> {
  return isLeft(result) && neverProcessed(result.left);
}

function recording(source: Body, maxBytes: number, mayRepeat: boolean): { body: ReplayBody } & Replayable {
  const body = new ReplayBody(source, maxBytes);
  if (!mayRepeat) return { body, replay: once };
  return { body, replay: { canRepeat: () => body.canRead, canDouble: () => false } };
}
