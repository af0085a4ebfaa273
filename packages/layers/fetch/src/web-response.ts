import { bodyFrom, emptyBody, httpResponse, type HttpResponse } from "@pagoda/http";
import { streamOf } from "./body-stream.ts";
import { decoded } from "./sendable.ts";

/** Statuses for which `Response` does not accept a body. */
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Converts an `HttpResponse` to a web response.
 *
 * @param signal Aborting it cancels a body that is still being read.
 * @throws RangeError for a status that `Response` does not accept, such as 101.
 */
export function toWebResponse(response: HttpResponse, signal?: AbortSignal): Response {
  const { status, statusText = "", headers } = response;
  return new Response(webBodyOf(response, signal), {
    status,
    statusText,
    headers: [...headers] as [string, string][],
  });
}

function webBodyOf(
  { status, body }: HttpResponse,
  signal: AbortSignal | undefined,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null {
  if (withoutBody.has(status)) {
    body.cancel();
    return null;
  }
  const whole = body.take();
  if (whole === undefined) return streamOf(body, signal);
  return whole.length === 0 ? null : (whole as Uint8Array<ArrayBuffer>);
}

/** Converts a web response to an `HttpResponse`. */
export function fromWebResponse({ status, statusText, headers, body }: Response): HttpResponse {
  return {
    ...httpResponse(status, body === null ? emptyBody : bodyFrom(body), decoded(headers)),
    statusText,
  };
}
