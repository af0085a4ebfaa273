import {
  type Aborted,
  aborted,
  checkDuration,
  checkMaxWait,
  checkOption,
  defaultMaxWaitMs,
  type Either,
  type Fault,
  isLeft,
  layer,
  type Layer,
  left,
  oneshot,
  right,
  Scope,
  type Service,
  systemClock,
  timeoutError,
  type Wait,
} from "@pagoda/core";
import { type HttpRequest, type HttpResponse, readUpTo } from "@pagoda/http";
import { authorizationRequest, withCopied } from "./messages.ts";

/** The authorization server refused the request. Its response goes to the client, with this fault. */
export interface AuthorizationRefused extends Fault<"AuthorizationRefused"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly status: number;
}

/**
 * The authorization server did not answer, so the request was not allowed. Answer 503: the client has
 * done nothing wrong.
 */
export interface AuthorizationUnavailable extends Fault<"AuthorizationUnavailable"> {
  readonly origin: "local";
  readonly retryable: true;
  /** `failed`: it could not be called. `timeout`: it took too long. `status`: it answered 5xx. */
  readonly reason: "failed" | "timeout" | "status";
}

/** Receives events, for metrics and logs. Must not throw. */
export interface ExtAuthzObserver<in Req extends HttpRequest = HttpRequest> {
  readonly allowed?: (request: Req) => void;
  readonly refused?: (fault: AuthorizationRefused, request: Req) => void;
  /** The server did not answer. The request passes if `failOpen` is set. */
  readonly unavailable?: (fault: AuthorizationUnavailable, request: Req) => void;
}

/** Options of {@link extAuthz}. */
export interface ExtAuthzOptions<Req extends HttpRequest> extends Wait {
  /** The authorization server. */
  readonly service: Service<Req, HttpResponse, unknown>;
  /** Path of the calls to it. Default: that of the request. */
  readonly path?: string;
  /** Names of the header fields that it gets, besides `X-Forwarded-*`. Default: all. */
  readonly headers?: readonly string[];
  /**
   * Names of header fields of its 2xx response that are set on the request. Those that the client
   * sent are removed. Default: none.
   */
  readonly copyHeaders?: readonly string[];
  /** Lets requests pass while the server does not answer. Default `false`. */
  readonly failOpen?: boolean;
  /** Milliseconds until the head of its response. Default 1,000. */
  readonly timeoutMs?: number;
  readonly observer?: ExtAuthzObserver<Req>;
}

/** Bytes of an allowing response that are read, so that its connection can be used again. */
const maxDiscarded = 65_536;

/**
 * Asks an authorization server about each request, as nginx's `auth_request`, Traefik's ForwardAuth
 * and Envoy's `ext_authz` over HTTP do: a GET request with the header fields of the request and,
 * in `X-Forwarded-Method` and `X-Forwarded-Uri`, what it asks for. A 2xx response lets the request
 * pass, 5xx counts as no answer, and any other response goes to the client, such as a redirect to a
 * login page.
 *
 * Place it inside limits for clients, each of whose requests costs a call, and outside everything
 * expensive.
 *
 * Errors: {@link AuthorizationUnavailable}, unless `failOpen` is set. `Aborted` if the caller aborts
 * before the server answers.
 *
 * Cost per call: a call of the server.
 *
 * @throws RangeError when an option is out of range.
 */
export function extAuthz<Req extends HttpRequest = HttpRequest>({
  service,
  path,
  headers,
  copyHeaders = [],
  failOpen = false,
  timeoutMs = 1_000,
  observer,
  maxWaitMs = defaultMaxWaitMs,
  clock = systemClock,
}: ExtAuthzOptions<Req>): Layer<Req, unknown, AuthorizationUnavailable | Aborted, never, HttpResponse> {
  checkOption(
    "extAuthz: path",
    path,
    path === undefined || /^\/[!-~]*$/.test(path),
    "a path that starts with /",
  );
  checkDuration("extAuthz: timeoutMs", timeoutMs);
  checkMaxWait("extAuthz", maxWaitMs);
  const asking = authorizationRequest(path, headers);
  const copied = withCopied(copyHeaders);

  /** Asks the server. `Left`: why there is no answer. */
  async function ask(
    request: Req,
    signal: AbortSignal | undefined,
  ): Promise<Either<AuthorizationUnavailable["reason"] | Aborted, HttpResponse>> {
    const scope = new Scope(signal);
    let isLate = false;
    const timer = clock.setTimer(timeoutMs, () => {
      isLate = true;
      scope.abort(timeoutError(`no answer from the authorization server within ${timeoutMs} ms`));
    });
    try {
      const result = await service.call(asking(request), scope.signal);
      if (signal?.aborted) {
        if (!isLeft(result)) result.right.body.cancel(signal.reason);
        return left(aborted(signal));
      }
      if (isLeft(result)) return left(isLate ? "timeout" : "failed");
      if (result.right.status < 500) return result;
      result.right.body.cancel();
      return left("status");
    } finally {
      clock.clearTimer(timer);
      scope.end();
    }
  }

  return layer<Req, unknown, AuthorizationUnavailable | Aborted, never, HttpResponse>(
    "ext-authz",
    (inner) => ({
      options: { ...(path !== undefined && { path }), copyHeaders, failOpen, timeoutMs },
      async call(request, signal) {
        const answer = await ask(request, signal);
        const pass = (by: HttpResponse | undefined) =>
          // Inner may no longer be ready.
          oneshot(inner, { ...request, headers: copied(request.headers, by?.headers) }, signal, {
            maxWaitMs,
            clock,
          });
        if (isLeft(answer)) {
          const reason = answer.left;
          if (typeof reason === "object") return left(reason);
          const fault: AuthorizationUnavailable = {
            _tag: "AuthorizationUnavailable",
            origin: "local",
            retryable: true,
            reason,
          };
          observer?.unavailable?.(fault, request);
          return failOpen ? pass(undefined) : left(fault);
        }
        const response = answer.right;
        const { status, body } = response;
        if (status >= 200 && status < 300) {
          void readUpTo(body, maxDiscarded, undefined);
          observer?.allowed?.(request);
          return pass(response);
        }
        const fault: AuthorizationRefused = {
          _tag: "AuthorizationRefused",
          origin: "local",
          retryable: false,
          status,
        };
        observer?.refused?.(fault, request);
        return right({ ...response, fault });
      },
    }),
  );
}
