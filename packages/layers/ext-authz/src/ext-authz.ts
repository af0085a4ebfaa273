import { checkOption, type Layer } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, readUpTo } from "@pagoda/http";
import { type ExtAuthzFault, guard, type GuardOptions, type Protocol } from "./guard.ts";
import { authorizationRequest, copying } from "./messages.ts";

/** Options of {@link extAuthz}. */
export interface ExtAuthzOptions<Req extends HttpRequest> extends GuardOptions<Req> {
  /** Path of the calls to it. Default: that of the request. */
  readonly path?: string;
  /** Names of the header fields that it gets, besides `X-Forwarded-*`. Default: all. */
  readonly headers?: readonly string[];
  /**
   * Names of header fields of its 2xx response that are set on the request. Those that the client
   * sent are removed. Default: none.
   */
  readonly copyHeaders?: readonly string[];
}

/** Bytes of an allowing response that are read, so that its connection can be used again. */
const maxDiscarded = 65_536;

/**
 * Asks an authorization server about each request, as nginx's `auth_request`, Traefik's ForwardAuth
 * and Envoy's `ext_authz` over HTTP do: a GET request with the header fields of the request and,
 * in `X-Forwarded-Method` and `X-Forwarded-Uri`, what it asks for. With `requestBody`, and if there
 * is one, it is a POST request. A 2xx response lets the request pass, 5xx counts as no answer, and
 * any other response goes to the client, such as a redirect to a login page.
 *
 * For servers that speak Envoy's gRPC protocol see `grpcExtAuthz`.
 *
 * Place it inside limits for clients, each of whose requests costs a call, and outside everything
 * expensive. It must see the path that is sent: place it inside the router, or behind `normalPaths`.
 *
 * Errors: `AuthorizationUnavailable`, unless `failOpen` is set. `BodyTooLarge` if `requestBody` does
 * not allow to send a part. `Aborted` if the caller aborts before the server answers, or its body
 * breaks off.
 *
 * Cost per call: a call of the server.
 *
 * @throws RangeError when an option is out of range.
 */
export function extAuthz<Req extends HttpRequest = HttpRequest>({
  path,
  headers,
  copyHeaders = [],
  ...options
}: ExtAuthzOptions<Req>): Layer<Req, unknown, ExtAuthzFault, never, HttpResponse, HttpResponse> {
  checkOption(
    "extAuthz: path",
    path,
    path === undefined || /^\/[!-~]*$/.test(path),
    "a path that starts with /",
  );
  const asking = authorizationRequest(path, headers);
  const copied = copying(copyHeaders);
  const http: Protocol = {
    options: { ...(path !== undefined && { path }), copyHeaders },
    request: asking,
    verdict(response) {
      const { status, body } = response;
      if (status >= 500) {
        body.cancel();
        return { kind: "unavailable", reason: "status" };
      }
      if (status < 200 || status >= 300) return { kind: "refused", response };
      void readUpTo(body, maxDiscarded, undefined);
      const fields = copied.read(response.headers);
      if (fields === undefined) return { kind: "unavailable", reason: "invalid" };
      return {
        kind: "allowed",
        editRequest: (request) => ({ ...request, headers: copied.set(request.headers, fields) }),
      };
    },
    unanswered: (request) => ({ ...request, headers: copied.set(request.headers, []) }),
  };
  return guard(http, options);
}
