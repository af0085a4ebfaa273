import { isLeft, layer, type Layer, right } from "@pagoda/core";
import { type Body, bodyOf, type HttpRequest, type HttpResponse, isGrpc, requestsTunnel } from "@pagoda/http";
import { lists } from "@pagoda/http/grammar";
import type { Codec } from "./coding.ts";
import { CompressedBody } from "./compressed-body.ts";
import { mediaTypes } from "./compressible-types.ts";
import { negotiate } from "./negotiate.ts";
import { checked, type CompressOptions } from "./options.ts";
import { compressedFields, readResponseFields, revalidatedFields, varying } from "./response-fields.ts";

/**
 * Up to this size, a body that has arrived as a whole is compressed at once: blocking the thread for
 * a fraction of a millisecond costs less than a stream on the thread pool, and the client gets a
 * `Content-Length`.
 */
const atOnceBytes = 16_384;

/**
 * Compresses responses with `zstd`, `br` or `gzip`, as the client's `Accept-Encoding` allows.
 *
 * A body of unknown length is flushed whenever its source pauses, so events and lines of a stream
 * reach the client at once. Unchanged are responses that are short, of other media types, encoded
 * already, partial, marked `no-transform` or have a digest of their content; gRPC; tunnels. All that
 * might have been compressed get `Vary: Accept-Encoding`.
 *
 * Responses to cross-site requests with credentials are not compressed unless `crossSite` is set:
 * their size might reveal secrets in them (BREACH).
 *
 * Place it outside `respond` and everything else that makes or reads bodies, and inside access logs
 * and metrics, which then see the bytes sent.
 *
 * Errors: none. If compressing fails, the body breaks off with a fault of origin `local`.
 *
 * Cost per call: about 0.2 µs for a response that is not compressed.
 *
 * Source: RFC 9110, 8.4 and 12.5.3; RFC 8878; the gzip filter of nginx.
 *
 * @throws RangeError if an option is invalid.
 *
 * @example
 * const stack = new ServiceBuilder<HttpRequest>()
 *   .layer(compress())
 *   .layer(respond(answers))
 *   .service(shop);
 */
export function compress(
  options: CompressOptions = {},
): Layer<HttpRequest, unknown, never, never, never, HttpResponse> {
  const { codings, codecs, levels, minBytes, types, crossSite } = checked(options);
  const isCompressible = mediaTypes("compress: types", types);

  /** Whether the response to a request depends on its `Accept-Encoding`. */
  function isCandidate({ method }: HttpRequest, { status, headers, body }: HttpResponse): boolean {
    if (isBodiless(status) || isGrpc(headers)) return false;
    const { contentType, length, isFixed } = readResponseFields(headers);
    if (isFixed || contentType === undefined || !isCompressible(contentType)) return false;
    // That a response to HEAD has no body says nothing about GET.
    const bytes = length ?? (method === "HEAD" ? body.length || undefined : body.length);
    return bytes === undefined || bytes >= Math.max(1, minBytes);
  }

  /** Returns the parts of a response that change. */
  function changed(request: HttpRequest, response: HttpResponse): Partial<HttpResponse> | undefined {
    if (response.status === 304) return revalidated(request, response);
    if (!isCandidate(request, response)) return undefined;
    const { headers, body } = response;
    const coding = mayCompress(request, crossSite)
      ? negotiate(request.headers.all("accept-encoding"), codings)
      : undefined;
    if (coding === undefined) return { headers: varying(headers) };
    const isLive = body.length === undefined && !headers.has("content-length");
    return {
      headers: compressedFields(headers, coding),
      body: compressedBody(request, body, codecs[coding] as Codec, levels[coding], isLive),
    };
  }

  function revalidated(request: HttpRequest, { headers }: HttpResponse): Partial<HttpResponse> | undefined {
    const type = headers.get("content-type");
    if (type !== undefined && !isCompressible(type)) return undefined;
    return { headers: varying(revalidatedFields(headers, request.headers.all("if-none-match"))) };
  }

  return layer<HttpRequest, unknown, never, never, never, HttpResponse>("compress", (inner) => ({
    options: { codings, levels, minBytes, types, crossSite },
    call(request, signal) {
      const result = inner.call(request, signal);
      if (requestsTunnel(request)) return result;
      return result.then((given) => {
        if (isLeft(given)) return given;
        const parts = changed(request, given.right);
        return parts === undefined ? given : right({ ...given.right, ...parts });
      });
    },
  }));
}

/** Whether a response has no body of its own, or only a part of one. */
function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 205 || status === 206;
}

function mayCompress({ headers, peer }: HttpRequest, crossSite: boolean): boolean {
  if (headers.all("cache-control").some((value) => lists(value, "no-transform"))) return false;
  if (crossSite || headers.get("sec-fetch-site") !== "cross-site") return true;
  return !(headers.has("cookie") || headers.has("authorization") || peer?.certificate !== undefined);
}

function compressedBody(
  { method }: HttpRequest,
  body: Body,
  codec: Codec,
  level: number,
  isLive: boolean,
): Body {
  // Not read, but the server must not announce its length.
  if (method === "HEAD") return body.length === 0 ? body : new CompressedBody(body, codec, level, isLive);
  const isShort = body.isWhole && (body.length ?? 0) <= atOnceBytes;
  const whole = isShort ? body.take() : undefined;
  if (whole === undefined) return new CompressedBody(body, codec, level, isLive);
  if (whole.length > atOnceBytes) return new CompressedBody(bodyOf(whole), codec, level, isLive);
  return bodyOf(codec.whole(whole, level));
}
