import { checkOption, isLeft, layer, type Layer, right } from "@pagoda/core";
import {
  type Client,
  type FromClient,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  type Identified,
  randomUuids,
  requestIdIn,
} from "@pagoda/http";
import { hasAt, isDisguised } from "@pagoda/http/grammar";
import { FieldNames } from "./field-names.ts";
import { clientCertificate } from "./client-certificate.ts";
import { endToEnd } from "./hop-by-hop.ts";
import { hopsOf } from "./hops.ts";

/** Options of {@link forwarded}. */
export interface ForwardedOptions {
  /**
   * Whether to trust the `Forwarded`, `X-Forwarded-*`, `X-Real-IP` and `X-Request-Id` headers of
   * the peer at an address, such as a proxy of yours in front of this one. Default: trusts no peer.
   */
  readonly trust?: (address: string) => boolean;
  /**
   * Name of this hop in `Via`: letters, digits and `._:-`. `false` sets no `Via`, against RFC 9110,
   * 7.6.3, for origins that respond differently if there is one. Default `pagoda`.
   */
  readonly via?: string | false;
  /** Makes the id of a request without a trusted one. Default: a random UUID. */
  readonly newId?: () => string;
}

/**
 * Prepares messages for forwarding. On requests it removes hop-by-hop headers, sets
 * `X-Forwarded-For`, `-Proto`, `-Host`, `Via` and `X-Request-Id`, and adds `requestId` and
 * `client`. On responses it removes hop-by-hop headers and sets `Via` and `X-Request-Id`.
 *
 * Forwarding headers of the peer are removed, unless the peer is trusted. Then its
 * `X-Forwarded-For` is passed on with canonical addresses and the peer's own appended, and the
 * others are passed on unchanged. A client certificate verified by the server is forwarded in
 * `X-Forwarded-Client-Cert`. The peer's `X-Request-Id` is kept if it occurs once and has 1 to 128
 * visible ASCII characters without a comma, which would indicate two merged ids.
 *
 * The client is the peer or, if the peer is trusted, the rightmost untrusted address in
 * `X-Forwarded-For`: anyone may have written the entries further left. The search stops at an entry
 * that is not an address. Ports and brackets are dropped. The peer's identity is the client's only
 * if the peer is the client, as in Envoy. The client of a request made in this process, without a
 * peer, is `local`.
 *
 * Lookalikes with underscores of hop-by-hop, routing, authentication or forwarding headers
 * (`X_Forwarded_For`) are removed even from a trusted peer, which may have passed them on unseen.
 *
 * Place it outermost in a proxy, so that all inner layers have the request id and the client.
 *
 * Errors: none.
 *
 * Cost per call: about 0.7 µs for a request of three headers and a response of five, the random UUID
 * included.
 *
 * @throws RangeError when `via` is not a valid name.
 */
export function forwarded({
  trust = () => false,
  via = "pagoda",
  newId = randomUuids(),
}: ForwardedOptions = {}): Layer<HttpRequest, Identified & FromClient, never, never, never, HttpResponse> {
  const isVia = via === false || /^[\w.:-]+$/.test(via);
  checkOption("forwarded: via", via, isVia, "false, or letters, digits and ._:-");

  return layer<HttpRequest, Identified & FromClient, never, never, never, HttpResponse>(
    "forwarded",
    (inner) => ({
      options: { via },
      call(request, signal) {
        const { peer, onInformation } = request;
        const trusted = peer !== undefined && trust(peer.address);
        const hops = trusted ? hopsOf(request, peer, trust) : undefined;
        const requestId = (trusted ? requestIdIn(request.headers) : undefined) ?? newId();
        const passedOn = {
          ...request,
          headers: inwards(request, hops?.before, requestId, via),
          onInformation:
            onInformation && ((status, { raw }) => onInformation(status, new HttpHeaders(endToEnd(raw)))),
          requestId,
          client: hops?.client ?? peer ?? local,
        } satisfies HttpRequest & Identified & FromClient;
        return inner.call(passedOn, signal).then((result) => {
          if (isLeft(result)) return result;
          const response = result.right;
          return right({ ...response, headers: outwards(response, requestId, via) });
        });
      },
    }),
  );
}

/** The client of requests made in this process. */
const local: Client = { address: "local" };

const id = new FieldNames(["x-request-id"]);
const replaced = new FieldNames(["x-forwarded-for", "x-request-id"]);
const claims = new FieldNames(["forwarded", "x-real-ip", "x-request-id"]);

const isId = (name: string): boolean => id.has(name);
const isReplaced = (name: string): boolean => replaced.has(name) || isDisguised(name);
/** Matches headers that servers behind a proxy trust to identify the client. */
const isClaim = (name: string): boolean => claims.has(name) || isForwarded(name) || isDisguised(name);

function isForwarded(name: string): boolean {
  return hasAt(name, 0, "x-forwarded-");
}

/** @param before Hops before a trusted peer; `undefined` if the peer is not trusted. */
function inwards(
  request: HttpRequest,
  before: string | undefined,
  requestId: string,
  via: string | false,
): HttpHeaders {
  const { headers, peer, scheme, authority, version } = request;
  const trusted = before !== undefined;
  const fields = endToEnd(headers.raw, trusted ? isReplaced : isClaim);
  if (peer !== undefined)
    fields.push("x-forwarded-for", before ? `${before}, ${peer.address}` : peer.address);
  // After the entries of a trusted peer.
  if (peer?.certificate !== undefined)
    fields.push("x-forwarded-client-cert", clientCertificate(peer.certificate));
  if (!trusted || !headers.has("x-forwarded-proto")) fields.push("x-forwarded-proto", scheme);
  if (!trusted || !headers.has("x-forwarded-host")) fields.push("x-forwarded-host", authority);
  if (via !== false) fields.push("via", `${version} ${via}`);
  fields.push("x-request-id", requestId);
  return new HttpHeaders(fields);
}

function outwards(
  { status, headers, version = "1.1" }: HttpResponse,
  requestId: string,
  via: string | false,
): HttpHeaders {
  const fields = endToEnd(headers.raw, isId);
  // The protocol that the origin has chosen.
  const upgrade = status === 101 ? headers.get("upgrade") : undefined;
  if (upgrade !== undefined) fields.push("upgrade", upgrade);
  if (via !== false) fields.push("via", `${version} ${via}`);
  fields.push("x-request-id", requestId);
  return new HttpHeaders(fields);
}
