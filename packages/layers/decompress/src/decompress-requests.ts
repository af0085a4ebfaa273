import { layer, type Layer, left } from "@pagoda/core";
import { type HttpRequest, requestsTunnel } from "@pagoda/http";
import { acceptEncoding } from "./coding.ts";
import type { UnsupportedCoding } from "./faults.ts";
import { checked, type DecompressOptions, finite } from "./options.ts";
import { withoutCodings } from "./without-codings.ts";

/**
 * Decompresses request bodies, for servers. It is like {@link decompress}, but a body in another
 * coding is refused, because nothing further in could read it.
 *
 * Place it inside layers that limit and authorize clients, outside everything that reads bodies, and
 * inside the layer that answers its error with status 415.
 *
 * Errors: `UnsupportedCoding`. Faults of the body have origin `local`, because the client is not an
 * upstream.
 *
 * Cost per call: about 0.1 µs for a request that is not compressed.
 *
 * Source: RFC 9110, 8.4 and 15.5.16.
 *
 * @throws RangeError if an option is out of range.
 */
export function decompressRequests(
  options: DecompressOptions = {},
): Layer<HttpRequest, unknown, UnsupportedCoding> {
  const limits = checked("decompressRequests", options);

  return layer<HttpRequest, unknown, UnsupportedCoding>("decompress-requests", (inner) => ({
    options: finite(limits),
    call(request, signal) {
      if (requestsTunnel(request)) return inner.call(request, signal);
      const changed = withoutCodings(request, limits, "local");
      if (changed === undefined) return inner.call(request, signal);
      if (typeof changed === "object") return inner.call({ ...request, ...changed }, signal);
      const fault: UnsupportedCoding = {
        _tag: "UnsupportedCoding",
        origin: "local",
        retryable: false,
        coding: changed,
        acceptEncoding,
      };
      return Promise.resolve(left(fault));
    },
  }));
}
