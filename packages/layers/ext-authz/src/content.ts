import { type Aborted, aborted, checkInteger, type Either, left, right } from "@pagoda/core";
import {
  type Body,
  type BodyBroken,
  bodyOf,
  type BodyTooLarge,
  concatBytes,
  type HttpRequest,
  isEmptyBody,
  requestsTunnel,
} from "@pagoda/http";
import { HeldBody } from "./held-body.ts";

/** Which part of request bodies the authorization server gets. */
export interface RequestBodyOptions {
  /** Maximum size in bytes: an integer of at least 1. It is kept in memory until the answer. */
  readonly maxBytes: number;
  /**
   * Sends the beginning of a larger body. Default false: the call fails with `BodyTooLarge`, and the
   * server is not asked.
   */
  readonly allowPartial?: boolean;
}

/** What the authorization server gets of a request's body. */
export interface Content {
  readonly bytes: Uint8Array;
  readonly isPartial: boolean;
}

/** A request with its content; a body that has been read is replaced by one that can be. */
export interface WithContent<Req> {
  readonly request: Req;
  readonly content: Content | undefined;
  /** Discards what has been read and is not wanted. */
  readonly discard: (reason?: unknown) => void;
}

/** Why a body could not be read. */
export type ContentFault = BodyTooLarge | Aborted;

/** @throws RangeError when an option is out of range. */
export function checkRequestBody(options: RequestBodyOptions | undefined): void {
  if (options !== undefined) checkInteger("extAuthz: requestBody.maxBytes", options.maxBytes, { min: 1 });
}

/**
 * Reads the beginning of a request's body. Of a request for an upgrade it is the content, which an
 * origin that ignores the upgrade would act upon; what passes through a tunnel is never read.
 */
export async function withContent<Req extends HttpRequest>(
  request: Req,
  options: RequestBodyOptions,
  signal: AbortSignal | undefined,
): Promise<Either<ContentFault, WithContent<Req>>> {
  const isTunnel = requestsTunnel(request);
  const body = isTunnel ? request.upgradeContent : request.body;
  if (body === undefined || isEmptyBody(body))
    return right({ request, content: { bytes: new Uint8Array(0), isPartial: false }, discard: () => {} });
  const read = await beginning(body, options, signal);
  if (read._tag === "Left") return read;
  const { content, held } = read.right;
  return right({
    request: isTunnel ? { ...request, upgradeContent: held } : { ...request, body: held },
    content,
    discard: (reason) => {
      if (held.canRead) held.cancel(reason);
    },
  });
}

interface Beginning {
  readonly content: Content;
  readonly held: Body;
}

async function beginning(
  body: Body,
  { maxBytes, allowPartial = false }: RequestBodyOptions,
  signal: AbortSignal | undefined,
): Promise<Either<ContentFault, Beginning>> {
  const tooLarge: BodyTooLarge = { _tag: "BodyTooLarge", origin: "local", retryable: false, maxBytes };
  if (body.length !== undefined && body.length > maxBytes && !allowPartial) return left(tooLarge);
  const whole = body.isWhole ? body.take() : undefined;
  if (whole !== undefined) {
    const isPartial = whole.length > maxBytes;
    if (isPartial && !allowPartial) return left(tooLarge);
    return right({ content: { bytes: whole.subarray(0, maxBytes), isPartial }, held: bodyOf(whole) });
  }
  if (signal?.aborted) {
    body.cancel(signal.reason);
    return left(aborted(signal));
  }
  return new Promise((resolve) => {
    const settle = (result: Either<ContentFault, Beginning>): void => {
      signal?.removeEventListener("abort", leave);
      resolve(result);
    };
    let held: HeldBody | undefined;
    const leave = (): void => {
      settle(left(aborted(signal as AbortSignal)));
      held?.cancel(signal?.reason);
    };
    signal?.addEventListener("abort", leave);
    held = new HeldBody(body, maxBytes, (begun) => {
      // The body may begin while it is being made.
      queueMicrotask(() => {
        if (begun.kind === "broken") return settle(left(gaveUp(begun.fault)));
        const isPartial = begun.kind === "partial";
        if (isPartial && !allowPartial) {
          held?.cancel(tooLarge);
          return settle(left(tooLarge));
        }
        const bytes = concatBytes(begun.chunks).subarray(0, maxBytes);
        settle(right({ content: { bytes, isPartial }, held: held as Body }));
      });
    });
  });
}

/** A caller whose body breaks off has given up. */
function gaveUp(cause: BodyBroken): Aborted {
  return { _tag: "Aborted", origin: "local", retryable: false, cause };
}
