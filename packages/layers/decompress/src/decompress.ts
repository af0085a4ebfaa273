import { isLeft, layer, type Layer, right } from "@pagoda/core";
import { HttpHeaders, type HttpRequest, type HttpResponse, isGrpc, requestsTunnel } from "@pagoda/http";
import { acceptEncoding } from "./coding.ts";
import { checked, type DecompressOptions, finite } from "./options.ts";
import { withoutCodings } from "./without-codings.ts";

/**
 * Decompresses responses, for clients: `supportedCodings`, and up to five of them combined. Requests without `Accept-Encoding` get one; as in fetch, it is `identity` if they ask for
 * a range. `Content-Encoding` and `Content-Length` are removed.
 *
 * Unchanged are responses with another coding, without content and to HEAD, and partial ones (206),
 * whose bytes may begin anywhere. The body of a truncated, corrupt or too large response breaks off
 * with `BodyBroken`, whose `cause` is {@link Undecodable} or {@link DecompressedTooLarge}.
 *
 * Place it inside everything that reads bodies, such as `json` and `status-errors`, and outside
 * `retry`.
 *
 * Errors: none. Faults of the body have origin `upstream`.
 *
 * Cost per call: about 0.2 µs for a response that is not compressed.
 *
 * Source: RFC 9110, 8.4; the Fetch standard.
 *
 * @throws RangeError if an option is out of range.
 *
 * @example
 * const users = new ServiceBuilder<HttpRequest>()
 *   .adapt(json(z.array(User)))
 *   .layer(decompress())
 *   .service(transport("https://users.example"));
 */
export function decompress(
  options: DecompressOptions = {},
): Layer<HttpRequest, unknown, never, never, never, HttpResponse> {
  const limits = checked("decompress", options);

  return layer<HttpRequest, unknown, never, never, never, HttpResponse>("decompress", (inner) => ({
    options: finite(limits),
    call(request, signal) {
      if (requestsTunnel(request)) return inner.call(request, signal);
      return inner.call(accepting(request), signal).then((result) => {
        if (isLeft(result)) return result;
        const response = result.right;
        if (request.method === "HEAD" || response.status === 206) return result;
        const changed = withoutCodings(response, limits, "upstream");
        return typeof changed === "object" ? right({ ...response, ...changed }) : result;
      });
    },
  }));
}

/** Returns the request with `Accept-Encoding`. gRPC has a field of its own. */
function accepting<Req extends HttpRequest>(request: Req): Req {
  const { headers } = request;
  if (headers.has("accept-encoding") || isGrpc(headers)) return request;
  const value = headers.has("range") ? "identity" : acceptEncoding;
  return { ...request, headers: new HttpHeaders([...headers.raw, "accept-encoding", value]) };
}
