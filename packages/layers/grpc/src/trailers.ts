import { checkNumber, type Clock, layer, type Layer, systemClock, type Timer } from "@pagoda/core";
import { emptyBody, HttpHeaders, type HttpRequest, type HttpResponse, isGrpc } from "@pagoda/http";
import { isLeft, right } from "fp-ts/lib/Either.js";
import { PeekedBody } from "./peeked-body.ts";
import { statusOf } from "./status.ts";

export interface GrpcTrailersOptions {
  /**
   * Milliseconds that the head of a response waits for its first message or its end, at most; 0 to 1,000. 0: only what
   * has come with the head is looked at. Default 5.
   */
  readonly waitMs?: number;
  readonly clock?: Clock;
}

/**
 * Turns a gRPC response that has no message, only an error in its trailers, into one whose head says it. Retries,
 * breakers and balancers judge a response when its head comes; so they see the error of an upstream that sends a head
 * first. Responses with a message, successful ones and those whose beginning takes longer pass as they came.
 *
 * It stands inside of what judges, right around the transport. The client finds what was in the trailers in the head,
 * which means the same in gRPC.
 *
 * Errors: none.
 *
 * Cost per call: about 0.6 µs for a gRPC response, and a timer where its body has not begun; then up to `waitMs`.
 *
 * Source: gRPC over HTTP/2 (`Trailers-Only`); linkerd's proxy looks at the first frame of a body in the same way before a
 * retry.
 *
 * @throws RangeError when `waitMs` is out of range.
 */
export function grpcTrailers({ waitMs = 5, clock = systemClock }: GrpcTrailersOptions = {}): Layer<
  HttpRequest,
  unknown,
  never,
  never,
  never,
  HttpResponse
> {
  checkNumber("grpcTrailers: waitMs", waitMs, { min: 0, max: 1_000 });

  return layer<HttpRequest, unknown, never, never, never, HttpResponse>("grpc-trailers", (inner) => ({
    options: { waitMs },
    call(request, signal) {
      return inner.call(request, signal).then((result) => {
        if (isLeft(result)) return result;
        const response = result.right;
        const { headers, body } = response;
        if (!isGrpc(headers) || headers.has("grpc-status") || body.length !== undefined) return result;
        const peeked = new PeekedBody(body);
        const judged = () => right(withTrailers(response, peeked));
        if (peeked.beginning !== undefined || waitMs === 0 || signal?.aborted) return judged();
        return begun(peeked, clock, waitMs, signal).then(judged);
      });
    },
  }));
}

/** Settles when the body has begun, the time is over, or nobody waits any more. */
function begun(
  body: PeekedBody,
  clock: Clock,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    let timer: Timer | undefined;
    const settle = (): void => {
      if (timer !== undefined) clock.clearTimer(timer);
      signal?.removeEventListener("abort", settle);
      body.onBegin(undefined);
      resolve();
    };
    timer = clock.setTimer(waitMs, settle);
    signal?.addEventListener("abort", settle);
    body.onBegin(settle);
  });
}

function withTrailers<Res extends HttpResponse>(response: Res, body: PeekedBody): Res {
  const { beginning } = body;
  if (beginning?.kind !== "end") return { ...response, body };
  const status = statusOf(beginning.trailers);
  if (status === undefined || status === "OK") return { ...response, body };
  // Nothing follows that these could announce.
  const raw = [...response.headers.delete("trailer").delete("transfer-encoding").raw];
  for (const [name, value] of beginning.trailers) if (!ofHead.test(name)) raw.push(name, value);
  return { ...response, headers: new HttpHeaders(raw), body: emptyBody };
}

/** What says in a head how a message is read means nothing in trailers, and must not come to mean something. */
const ofHead = /^(?:connection|content-.*|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;
