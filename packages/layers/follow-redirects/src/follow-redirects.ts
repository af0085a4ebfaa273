import {
  type Aborted,
  checkInteger,
  checkOption,
  type Clock,
  defaultMaxWaitMs,
  discardResponse,
  type Either,
  isLeft,
  layer,
  type Layer,
  left,
  oneshot,
  right,
  type Service,
  systemClock,
} from "@pagoda/core";
import { type HttpRequest, type HttpResponse, requestsTunnel } from "@pagoda/http";
import { isToken } from "@pagoda/http/grammar";
import { type RedirectRefused, redirectRefused, type TooManyRedirects } from "./faults.ts";
import { isRedirect, targetOf, urlOf } from "./location.ts";
import { nextRequest } from "./next-request.ts";

/** A redirect, before it is followed. */
export interface Redirect {
  /** 301, 302, 303, 307 or 308. */
  readonly status: number;
  readonly from: URL;
  readonly to: URL;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface FollowRedirectsObserver {
  /** A redirect is followed. Its URLs may contain secrets. */
  readonly followed?: (redirect: Redirect) => void;
}

export interface FollowRedirectsOptions {
  /** Maximum redirects to follow in one call: an integer of at least 0. Default 20, as for `fetch`. */
  readonly maxRedirects?: number;
  /** Follows redirects from https to http. Default false. */
  readonly allowDowngrade?: boolean;
  /**
   * Returns whether a redirect may be followed. Called after all other checks. Default: all of them.
   *
   * @example ({ from, to }) => to.origin === from.origin
   */
  readonly allow?: (redirect: Redirect) => boolean;
  /**
   * Names of further header fields that must not be sent to another origin, such as `x-api-key`.
   * `Authorization`, `Cookie` and `Proxy-Authorization` never are.
   */
  readonly sensitiveHeaders?: readonly string[];
  readonly observer?: FollowRedirectsObserver;
  readonly clock?: Clock;
}

/** Bytes of a redirect's own body that are read, so that its connection can be used again. */
const maxDrainedBytes = 16_384;

/**
 * Follows redirects: responses with status 301, 302, 303, 307 or 308 and a `Location`. The method,
 * the body and the header fields change as in Fetch and RFC 9110, section 15.4. The last URL is noted
 * in the request's notes (`url`), with its fragment.
 *
 * The body of a request is sent again if it can be read again: if it is in memory, recorded by
 * `replay`, or was not read. Requests for a tunnel (an upgrade, CONNECT) are not redirected.
 *
 * Use it in clients. Inner must select the server by the request's scheme and authority, as
 * `fromFetch` does; around a `transport`, which has a fixed origin, allow that origin only. Place it
 * inside a `timeout` for the whole call and outside `retry`, which then retries one request of the
 * chain rather than all of it.
 *
 * Errors: {@link TooManyRedirects}, {@link RedirectRefused}, and {@link Aborted} if the caller aborts
 * between two requests. A loop ends with {@link TooManyRedirects}: a URL may answer differently the
 * second time, for example after setting a cookie.
 *
 * Cost per call: a promise. Following a redirect costs several microseconds.
 *
 * Source: the WHATWG's Fetch, "HTTP-redirect fetch", with its limit of 20.
 *
 * @throws RangeError if an option is out of range.
 */
export function followRedirects({
  maxRedirects = 20,
  allowDowngrade = false,
  allow,
  sensitiveHeaders = [],
  observer,
  clock = systemClock,
}: FollowRedirectsOptions = {}): Layer<
  HttpRequest,
  unknown,
  TooManyRedirects | RedirectRefused | Aborted,
  never,
  never,
  HttpResponse
> {
  checkInteger("follow-redirects: maxRedirects", maxRedirects, { min: 0 });
  for (const name of sensitiveHeaders)
    checkOption("follow-redirects: sensitiveHeaders", name, isToken(name), "field names");
  const sensitive = sensitiveHeaders.map((name) => name.toLowerCase());
  const tooMany: TooManyRedirects = {
    _tag: "TooManyRedirects",
    origin: "local",
    retryable: false,
    maxRedirects,
  };

  /** Returns the next request and its URL. */
  function step(
    request: HttpRequest,
    from: URL | undefined,
    response: HttpResponse,
  ): Either<RedirectRefused, readonly [HttpRequest, URL]> {
    const { status } = response;
    if (from === undefined) return left(redirectRefused("location", status));
    const target = targetOf(from, response);
    if (isLeft(target)) return left(redirectRefused(target.left, status));
    const to = target.right;
    if (from.protocol === "https:" && to.protocol === "http:" && !allowDowngrade)
      return left(redirectRefused("downgrade", status, to));
    const next = nextRequest(request, status, from, to, sensitive);
    if (next === undefined) return left(redirectRefused("body", status, to));
    const redirect: Redirect = { status, from, to };
    if (allow !== undefined && !allow(redirect)) return left(redirectRefused("not-allowed", status, to));
    observer?.followed?.(redirect);
    return right([next, to]);
  }

  async function follow<Res extends HttpResponse, Err>(
    inner: Service<HttpRequest, Res, Err>,
    first: HttpRequest,
    redirect: Res,
    signal: AbortSignal | undefined,
  ): Promise<Either<Err | TooManyRedirects | RedirectRefused | Aborted, Res>> {
    let request = first;
    let url = urlOf(first);
    let response = redirect;
    for (let followed = 0; ; followed++) {
      const next: Either<TooManyRedirects | RedirectRefused, readonly [HttpRequest, URL]> =
        followed < maxRedirects ? step(request, url, response) : left(tooMany);
      if (isLeft(next)) {
        discardResponse(response);
        return next;
      }
      const [redirected, target] = next.right;
      await response.body.bytes({ maxBytes: maxDrainedBytes, signal });
      request = redirected;
      url = target;
      request.notes.url = target.href;
      const result = await oneshot(inner, request, signal, { maxWaitMs: defaultMaxWaitMs, clock });
      if (isLeft(result) || !isRedirect(result.right)) return result;
      response = result.right;
    }
  }

  return layer<
    HttpRequest,
    unknown,
    TooManyRedirects | RedirectRefused | Aborted,
    never,
    never,
    HttpResponse
  >({ name: "follow-redirects", unguarded: true }, (inner) => ({
    options: { maxRedirects, allowDowngrade, sensitiveHeaders },
    call(request, signal) {
      const result = inner.call(request, signal);
      if (requestsTunnel(request)) return result;
      return result.then((first) =>
        isLeft(first) || !isRedirect(first.right) ? first : follow(inner, request, first.right, signal),
      );
    },
  }));
}
