import {
  type Either,
  isFault,
  isLeft,
  isRight,
  layer,
  type Layer,
  left,
  aborted,
  type Aborted,
  right,
  type Service,
} from "@pagoda/core";
import { bodyOf, type HttpResponse, readUpTo } from "@pagoda/http";
import type { CallRequest } from "./call-request.ts";
import type { ReadFailed } from "./faults.ts";

/** What `statusErrors` keeps of the body, by default. */
export const maxErrorBytes = 16_384;

/**
 * Reads the response body of calls that ask for it, so that the layers outside see a body that
 * breaks off as the failure that it is: it is retried, it counts for the circuit breaker, and
 * reading has the deadline of the attempt.
 *
 * Of an error's body only the beginning is read: one that is too long does not hide the status.
 *
 * Errors: `BodyBroken`, retryable, and `BodyTooLarge`; `Aborted` if the caller aborts.
 */
export function wholeBody(): Layer<
  CallRequest,
  unknown,
  ReadFailed | Aborted,
  never,
  HttpResponse,
  HttpResponse
> {
  return layer<CallRequest, unknown, ReadFailed | Aborted, never, HttpResponse, HttpResponse>(
    { name: "whole-body", unguarded: true },
    <Res, Err>(inner: Service<CallRequest, Res & HttpResponse, Err>) => ({
      call(request, signal): Promise<Either<Err | ReadFailed | Aborted, HttpResponse>> {
        const { maxBytes } = request;
        const answered = inner.call(request, signal);
        if (maxBytes === undefined) return answered;
        return answered.then((result): Result<Err> | Promise<Result<Err>> => {
          if (isLeft(result)) return result;
          const response = result.right;
          return response.status >= 300 ? beginningOf(response, signal) : wholeOf(response, maxBytes, signal);
        });
      },
    }),
  );
}

type Result<Err> = Either<Err | ReadFailed | Aborted, HttpResponse>;

async function wholeOf(
  response: HttpResponse,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Either<ReadFailed | Aborted, HttpResponse>> {
  const bytes = await response.body.bytes({ maxBytes, signal });
  if (isRight(bytes)) return right({ ...response, body: bodyOf(bytes.right) });
  const fault = bytes.left;
  if (fault._tag !== "BodyBroken") return bytes;
  // Nobody has seen anything of this response yet: another attempt may replace it, unless its content
  // is at fault.
  return left({ ...fault, retryable: !isFault(fault.cause) || fault.cause.retryable });
}

async function beginningOf(
  response: HttpResponse,
  signal: AbortSignal | undefined,
): Promise<Either<Aborted, HttpResponse>> {
  // One byte more than is kept, from which `statusErrors` sees that there was more.
  const beginning = await readUpTo(response.body, maxErrorBytes + 1, signal);
  if (beginning === undefined) return left(aborted(signal as AbortSignal));
  return right({ ...response, body: bodyOf(beginning.bytes) });
}
