import {
  checkInteger,
  checkOption,
  type Endpoint,
  faultOf,
  isFault,
  isLeft,
  type Service,
} from "@pagoda/core";
import {
  type Body,
  callNotes,
  emptyBody,
  HttpHeaders,
  isHttpHeaders,
  type HttpRequest,
  type HttpResponse,
  type RequestInput,
} from "@pagoda/http";
import { PerEndpoint } from "./per-endpoint.ts";
import { probeFailed, type Probe, type ProbeResult, probeInconclusive, probeSucceeded } from "./probe.ts";

export interface HttpProbeOptions<in E extends Endpoint> {
  /**
   * Returns the service that calls an endpoint, such as a transport. Called once per endpoint, at
   * its first check. Functions passed to `atEnd` run when the endpoint is removed, for example to
   * close connections.
   */
  readonly call: (
    endpoint: E,
    atEnd: (run: () => void) => void,
  ) => Service<HttpRequest, HttpResponse, unknown>;
  /** Default `GET`. */
  readonly method?: string;
  /** Must start with `/`; may include a query. Default `/`. */
  readonly path?: string;
  /**
   * Authority of the request. Default: that of the endpoint's key if it is a URL, otherwise the
   * key.
   */
  readonly host?: string;
  readonly headers?: HttpHeaders | Readonly<Record<string, string | readonly string[]>>;
  /** Accepted statuses, or inclusive ranges of them: `[[200, 299]]`. Default `[200]`. */
  readonly expectedStatus?: readonly (number | readonly [from: number, to: number])[];
  /** String the body must contain (case-sensitive), or pattern it must match. Default: any body. */
  readonly expectedBody?: string | RegExp;
  /**
   * Bytes of a body to read: at least 1. A longer body fails if `expectedBody` is set. Default
   * 65,536.
   */
  readonly maxBodyBytes?: number;
}

/**
 * Succeeds if the endpoint answers one request with an expected status and, if `expectedBody` is
 * set, an expected body. The body is read to its end so that the connection can be reused; an
 * incomplete body fails.
 *
 * A fault of origin `local` (no free connection, an open circuit) says nothing about the endpoint.
 * Each check makes one call without waiting for `ready()`. Layers in between see the check's
 * deadline.
 *
 * Errors: `ProbeFailed` with the fault, the status or the problem of the body. Cost: one call.
 *
 * @throws RangeError if an option is out of range.
 */
export function httpProbe<E extends Endpoint = Endpoint>(options: HttpProbeOptions<E>): Probe<E> {
  const { call, expectedStatus = [200], expectedBody, maxBodyBytes = 65_536 } = options;
  const ranges = expectedStatus.map((each): readonly [number, number] =>
    typeof each === "number" ? [each, each] : each,
  );
  check(ranges, maxBodyBytes, options.path);
  const services = new PerEndpoint(call);

  async function probe(endpoint: E, signal: AbortSignal): Promise<ProbeResult> {
    const result = await services.of(endpoint).call(requestFor(endpoint, options), signal);
    if (isLeft(result)) return failed(result.left);
    const { status, body } = result.right;
    const fault = faultOf(result);
    if (signal.aborted || fault?.origin === "local") {
      body.cancel();
      return signal.aborted ? probeInconclusive("aborted", signal.reason) : failed(fault);
    }
    if (!ranges.some(([from, to]) => from <= status && status <= to)) {
      body.cancel();
      return probeFailed(`status ${status} instead of ${ranges.map(spell).join(", ")}`);
    }
    return read(body, maxBodyBytes, expectedBody, signal);
  }

  return Object.assign(probe, { gone: (endpoint: E) => services.gone(endpoint) });
}

function check(
  ranges: readonly (readonly [number, number])[],
  maxBodyBytes: number,
  path: string | undefined,
): void {
  checkOption("httpProbe: expectedStatus", ranges, ranges.length > 0, "a list of at least one status");
  for (const [from, to] of ranges) {
    checkInteger("httpProbe: expectedStatus", from, { min: 100, max: 599 });
    checkInteger("httpProbe: end of a range in expectedStatus", to, { min: from, max: 599 });
  }
  checkInteger("httpProbe: maxBodyBytes", maxBodyBytes, { min: 1 });
  const isPath = path === undefined || /^\/[!-~]*$/.test(path);
  checkOption("httpProbe: path", path, isPath, "a path as it is sent, / first, without spaces");
}

function requestFor<E extends Endpoint>({ key }: E, options: HttpProbeOptions<E>): HttpRequest {
  const { method = "GET", path = "/", headers } = options;
  const [, scheme = "http", host = key] = /^(https?):\/\/([^/?#]+)/.exec(key) ?? [];
  const query = path.indexOf("?");
  return {
    method,
    scheme: scheme === "https" ? "https" : "http",
    authority: options.host ?? host,
    path: query < 0 ? path : path.slice(0, query),
    query: query < 0 ? "" : path.slice(query),
    headers: headersOf(headers),
    body: emptyBody,
    version: "1.1",
    notes: callNotes(),
  };
}

function headersOf(headers: RequestInput["headers"]): HttpHeaders {
  if (headers === undefined) return HttpHeaders.empty;
  return isHttpHeaders(headers) ? headers : HttpHeaders.of(headers);
}

async function read(
  body: Body,
  maxBytes: number,
  expected: string | RegExp | undefined,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const text = await body.text({ maxBytes, signal });
  if (isLeft(text)) {
    if (text.left._tag === "Aborted") return probeInconclusive("aborted", text.left.cause);
    if (text.left._tag === "BodyBroken") return probeFailed("body broke off", text.left.cause);
    return expected === undefined ? probeSucceeded : probeFailed(`body exceeds ${maxBytes} bytes`);
  }
  const isExpected =
    expected === undefined ||
    (typeof expected === "string" ? text.right.includes(expected) : text.right.search(expected) >= 0);
  return isExpected ? probeSucceeded : probeFailed("unexpected body");
}

function failed(error: unknown): ProbeResult {
  if (!isFault(error)) return probeFailed(`failed: ${String(error)}`, error);
  const { code } = error as { readonly code?: unknown };
  const reason = typeof code === "string" ? `${error._tag}: ${code}` : error._tag;
  return error.origin === "local" ? probeInconclusive(reason, error) : probeFailed(reason, error);
}

function spell([from, to]: readonly [number, number]): string {
  return from === to ? `${from}` : `${from} to ${to}`;
}
