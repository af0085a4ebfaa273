import {
  abortError,
  checkInteger,
  discardResponse,
  type Either,
  isRight,
  layer,
  type Layer,
  left,
  Scope,
  type Service,
} from "@pagoda/core";
import { type Body, bodyOf, type BodyTooLarge, type HttpRequest, requestsTunnel } from "@pagoda/http";
import { LimitedBody } from "./limited-body.ts";

/** Options of {@link bodyLimit}. */
export interface BodyLimitOptions {
  /** Maximum size of a request body in bytes: an integer of at least 0. */
  readonly maxBytes: number;
}

/**
 * Limits the size of request bodies. Use it in servers whose inner services buffer bodies, or pay
 * for their storage.
 *
 * A body with a known length that exceeds the limit is refused without calling inner and before
 * anything is read: a client that waits for `100 Continue` sends nothing. A body of unknown length
 * is counted while it streams to inner. When it exceeds the limit, the call fails at once, inner's
 * call is aborted, and the body breaks off, so that inner never sees it as complete. If inner has
 * responded by then, only the body breaks off.
 *
 * Tunnels have no limit, but the content of a request for an upgrade has.
 *
 * Place it inside the layer that answers its error and inside those that refuse clients, and outside
 * layers that read or record the body.
 *
 * Errors: {@link BodyTooLarge}, of origin `local` and not retryable. Answer 413.
 *
 * Cost per call: a comparison, about 10 ns, if the length is known or the body has arrived. A
 * streaming body of unknown length costs about 1 µs.
 *
 * @throws RangeError when `maxBytes` is out of range.
 */
export function bodyLimit({ maxBytes }: BodyLimitOptions): Layer<HttpRequest, unknown, BodyTooLarge> {
  checkInteger("bodyLimit: maxBytes", maxBytes, { min: 0 });
  const tooLarge: BodyTooLarge = { _tag: "BodyTooLarge", origin: "local", retryable: false, maxBytes };
  const reason = abortError(`request body over ${maxBytes} bytes`, tooLarge);
  const broken = { _tag: "BodyBroken", origin: "local", retryable: false, cause: tooLarge } as const;

  return layer<HttpRequest, unknown, BodyTooLarge>("body-limit", (inner) => ({
    options: { maxBytes },
    call(request, signal) {
      const isTunnel = requestsTunnel(request);
      const body = isTunnel ? request.upgradeContent : request.body;
      if (body === undefined) return inner.call(request, signal);
      const passOn = (body: Body): HttpRequest =>
        isTunnel ? { ...request, upgradeContent: body } : { ...request, body };

      const { length } = body;
      if (length !== undefined) {
        if (length <= maxBytes) return inner.call(request, signal);
        body.cancel(reason);
        return Promise.resolve(left(tooLarge));
      }
      const whole = body.isWhole ? body.take() : undefined;
      if (whole !== undefined) {
        return whole.length <= maxBytes
          ? inner.call(passOn(bodyOf(whole)), signal)
          : Promise.resolve(left(tooLarge));
      }
      return limited(inner, body, passOn, signal);
    },
  }));

  /** Calls inner with a body that is counted while it streams. */
  function limited<Res, Err>(
    inner: Service<HttpRequest, Res, Err>,
    body: Body,
    passOn: (body: Body) => HttpRequest,
    signal: AbortSignal | undefined,
  ): Promise<Either<Err | BodyTooLarge, Res>> {
    return new Promise((resolve, reject) => {
      const scope = new Scope(signal);
      let isOpen = true;
      const counted = new LimitedBody(body, maxBytes, broken, () => {
        if (!isOpen) return;
        isOpen = false;
        resolve(left(tooLarge));
        scope.abort(reason);
      });
      inner.call(passOn(counted), scope.signal).then(
        (result) => {
          scope.end();
          // Inner responded despite the abort; nothing will read the response.
          if (!isOpen && isRight(result)) discardResponse(result.right);
          isOpen = false;
          resolve(result);
        },
        (defect: unknown) => {
          scope.end();
          isOpen = false;
          reject(defect);
        },
      );
    });
  }
}
