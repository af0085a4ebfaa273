import { layer, type Layer } from "@pagoda/core";
import type { HttpHeaders, HttpRequest } from "@pagoda/http";

/**
 * Adds header fields to requests that do not have them.
 *
 * @param origin The only origin that gets them; `undefined` for all.
 */
export function defaultHeaders(headers: HttpHeaders, origin: string | undefined): Layer<HttpRequest> {
  return layer<HttpRequest>({ name: "default-headers", unguarded: true }, (inner) => ({
    // Names only: a value may be a credential.
    options: { names: [...headers].map(([name]) => name) },
    call(request, signal) {
      if (origin !== undefined && origin !== originOf(request)) return inner.call(request, signal);
      let all = request.headers;
      for (const [name, value] of headers) if (!request.headers.has(name)) all = all.append(name, value);
      return inner.call(all === request.headers ? request : { ...request, headers: all }, signal);
    },
  }));
}

/** `https://example.com:8443`, as the client names hosts. */
export function originOf({ scheme, authority }: HttpRequest): string {
  return `${scheme}://${authority}`;
}
