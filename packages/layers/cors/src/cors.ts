import { checkDuration, checkOption, isLeft, layer, type Layer, right } from "@pagoda/core";
import { HttpHeaders, type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { hasAt, isNamed, isToken, lists } from "@pagoda/http/grammar";
import { type Origins, originTest } from "./origins.ts";

export type { Origins } from "./origins.ts";

/** Options of {@link cors}. */
export interface CorsOptions<Req extends HttpRequest = HttpRequest> {
  readonly origins: Origins<Req>;
  /** Methods that scripts may use. Default: GET, HEAD, POST, PUT, PATCH, DELETE. */
  readonly methods?: readonly string[];
  /** Request headers that scripts may set. Default: all that they ask for. */
  readonly headers?: readonly string[];
  /** Response headers that scripts may read besides the safelisted ones. Default: none. */
  readonly exposedHeaders?: readonly string[];
  /**
   * Lets browsers send cookies, HTTP authentication and client certificates, and scripts read the
   * responses. Not with `origins: "*"`. Default `false`.
   */
  readonly credentials?: boolean;
  /**
   * How long browsers may cache the answer to a preflight, in whole seconds. Browsers have limits of
   * their own: 2 hours in Chromium, 24 in Firefox. Default: theirs, 5 s.
   */
  readonly maxAgeMs?: number;
}

/**
 * Lets scripts of other origins read responses: the server's side of the CORS protocol of the Fetch
 * standard.
 *
 * A preflight (an OPTIONS request with `Origin` and `Access-Control-Request-Method`) from an allowed
 * origin is answered without calling inner, with 204. Every other request is passed on, whatever its
 * origin: CORS protects responses from scripts, not servers from requests. Responses get the CORS
 * headers if the origin is allowed; those that inner has set are removed. All responses vary by
 * `Origin`, unless all origins are allowed: then all responses are the same.
 *
 * Place it outside `respond`: otherwise scripts cannot see errors. Place it outside layers that
 * require credentials, because preflights have none.
 *
 * Errors: none.
 *
 * Cost per call: about 0.2 µs.
 *
 * Source: the Fetch standard, 3.3.
 *
 * @throws RangeError when an origin could never match, a method or header is not a token, `maxAgeMs`
 *   is out of range, or credentials are combined with a wildcard, which browsers reject.
 */
export function cors<Req extends HttpRequest = HttpRequest>(
  options: CorsOptions<Req>,
): Layer<Req, unknown, never, never, HttpResponse, HttpResponse> {
  const { origins, methods = usual, headers, exposedHeaders = [], credentials = false, maxAgeMs } = options;
  const isAllowed = originTest(origins);
  if (credentials)
    checkOption("cors: origins", origins, origins !== "*", 'a list or a function with credentials, not "*"');
  checkTokens("methods", methods, credentials);
  checkTokens("headers", headers ?? [], credentials);
  checkTokens("exposedHeaders", exposedHeaders, credentials);
  if (maxAgeMs !== undefined) checkDuration("cors: maxAgeMs", maxAgeMs, { min: 0 });

  const any = origins === "*";
  const withCredentials = credentials ? ["access-control-allow-credentials", "true"] : [];
  const exposed =
    exposedHeaders.length > 0 ? ["access-control-expose-headers", exposedHeaders.join(", ")] : [];
  const answer = [
    "access-control-allow-methods",
    methods.join(", "),
    // The first two decide whether a request is a preflight.
    "vary",
    "origin, access-control-request-method, access-control-request-headers",
  ];
  if (headers !== undefined && headers.length > 0)
    answer.push("access-control-allow-headers", headers.join(", "));
  if (maxAgeMs !== undefined) answer.push("access-control-max-age", String(Math.floor(maxAgeMs / 1_000)));

  function allow(origin: string): string[] {
    return ["access-control-allow-origin", any ? "*" : origin, ...withCredentials];
  }

  function preflight(origin: string, asked: string | undefined): HttpResponse {
    const fields = [...allow(origin), ...answer];
    if (headers === undefined && asked !== undefined) fields.push("access-control-allow-headers", asked);
    return httpResponse(204, undefined, new HttpHeaders(fields));
  }

  return layer<Req, unknown, never, never, HttpResponse, HttpResponse>("cors", (inner) => ({
    options: {
      origins: typeof origins === "function" ? "a function" : origins,
      methods,
      ...(headers && { headers }),
      exposedHeaders,
      credentials,
      ...(maxAgeMs !== undefined && { maxAgeMs }),
    },
    call(request, signal) {
      const { method } = request;
      const origin = request.headers.get("origin");
      const allowed = any || (origin !== undefined && isAllowed(origin, request));
      if (allowed && origin !== undefined && method === "OPTIONS") {
        if (request.headers.has("access-control-request-method")) {
          const asked = request.headers.all("access-control-request-headers");
          return Promise.resolve(right(preflight(origin, asked.length > 0 ? asked.join(", ") : undefined)));
        }
      }
      return inner.call(request, signal).then((result) => {
        if (isLeft(result)) return result;
        const response = result.right;
        const fields = withoutCors(response.headers);
        if (allowed) fields.push(...allow(origin ?? ""), ...exposed);
        if (!any && !variesByOrigin(response.headers)) fields.push("vary", "origin");
        return right({ ...response, headers: new HttpHeaders(fields) });
      });
    },
  }));
}

const usual = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** With credentials, browsers take `*` literally. */
function checkTokens(option: string, tokens: readonly string[], credentials: boolean): void {
  tokens.forEach((token, at) => {
    const name = `cors: ${option}[${at}]`;
    checkOption(name, token, isToken(token), option === "methods" ? "a method" : "a header name");
    if (credentials) checkOption(name, token, token !== "*", 'a name with credentials, not "*"');
  });
}

/** Returns a new list of the headers other than those of the CORS protocol. */
function withoutCors({ raw }: HttpHeaders): string[] {
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!hasAt(name, 0, "access-control-")) fields.push(name, raw[i + 1] as string);
  }
  return fields;
}

function variesByOrigin({ raw }: HttpHeaders): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    if (!isNamed(raw[i] as string, "vary")) continue;
    const value = raw[i + 1] as string;
    if (lists(value, "origin") || lists(value, "*")) return true;
  }
  return false;
}
