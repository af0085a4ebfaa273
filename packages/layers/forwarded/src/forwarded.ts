import { randomUUID } from "node:crypto";
import { checkOption, layer, type Layer } from "@pagoda/core";
import {
  type Client,
  type FromClient,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  type Identified,
  isDisguised,
} from "@pagoda/http";
import { isLeft, right } from "fp-ts/lib/Either.js";
import { FieldNames } from "./field-names.ts";
import { clientCertificate } from "./client-certificate.ts";
import { endToEnd } from "./hop-by-hop.ts";
import { hopsOf } from "./hops.ts";

export interface ForwardedOptions {
  /**
   * Whether what the peer at an address says in `Forwarded`, `X-Forwarded-*`, `X-Real-IP` and `X-Request-Id` is
   * believed: true for a proxy of one's own in front of this one. Default: nobody is believed.
   */
  readonly trust?: (address: string) => boolean;
  /**
   * The name in `Via`: letters, digits and `._:-`; `false`: no `Via`, against RFC 9110, 7.6.3, for origins that answer
   * otherwise when there is one. Default `pagoda`.
   */
  readonly via?: string | false;
  /** Makes the id of a request that brings none that is believed. Default: a random UUID. */
  readonly newId?: () => string;
}

/**
 * Makes messages fit to be passed on. Inwards: fields that concern only the client's connection are left out;
 * `X-Forwarded-For`, `-Proto`, `-Host`, `Via` and `X-Request-Id` are set, and the request gets its `requestId` and its
 * `client`. Outwards: the same connection fields are left out of the response, which gets `Via` and the request's id.
 *
 * What the peer says about who asked is left out too, unless the peer is trusted: then its `X-Forwarded-For` goes on with
 * canonical addresses and the peer's appended, and its other claims as they are. A certificate that the peer has shown,
 * and the server verified, is told in `X-Forwarded-Client-Cert`. Its `X-Request-Id` is kept if there is one, of
 * 1 to 128 visible ASCII characters without a comma, which would be two ids put together on the way.
 *
 * The client is the peer, or where that is trusted the last address of `X-Forwarded-For` that is not: what stands
 * further left anybody may have written. The walk ends at an entry that is not an address. Ports and brackets are not
 * part of an address. The peer's identity is the client's only where the peer is the client: Envoy, too, keeps apart who
 * the peer is and whom it forwards for. A request made here, without a peer, is from `local`.
 *
 * Names with underscores that read like fields of the connection, of routing, authentication or forwarding
 * (`X_Forwarded_For`) are left out, whoever sends them: a trusted peer that did not write them has passed them on.
 *
 * It stands outermost in a proxy, so that everything further in can tell requests apart by their id.
 *
 * Errors: none.
 *
 * Cost per call: between 1 and 1.5 µs for eight fields each way, the random UUID included.
 *
 * @throws RangeError when `via` is no name for `Via`.
 */
export function forwarded({
  trust = () => false,
  via = "pagoda",
  newId = randomUUID,
}: ForwardedOptions = {}): Layer<HttpRequest, Identified & FromClient, never, never, never, HttpResponse> {
  const isVia = via === false || /^[\w.:-]+$/.test(via);
  checkOption("forwarded: via", via, isVia, "false, or letters, digits and ._:-");

  return layer<HttpRequest, Identified & FromClient, never, never, never, HttpResponse>(
    "forwarded",
    (inner) => ({
      options: { via },
      call(request, signal) {
        const { peer, onInformation } = request;
        const believed = peer !== undefined && trust(peer.address);
        const hops = believed ? hopsOf(request, peer, trust) : undefined;
        const requestId = (believed ? idOf(request) : undefined) ?? newId();
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

/** Who asks where the request was made in this process. */
const local: Client = { address: "local" };

/** The id that a request brings, where it is one that can stand in logs and be sent on. */
function idOf({ headers }: HttpRequest): string | undefined {
  const [id, ...more] = headers.all("x-request-id");
  return id !== undefined && more.length === 0 && saneId.test(id) ? id : undefined;
}

/** Visible ASCII but the comma. */
const saneId = /^[!-+\--~]{1,128}$/;

const id = new FieldNames(["x-request-id"]);
const replaced = new FieldNames(["x-forwarded-for", "x-request-id"]);
const claims = new FieldNames(["forwarded", "x-real-ip", "x-request-id"]);

const isId = (name: string): boolean => id.has(name);
const isReplaced = (name: string): boolean => replaced.has(name) || isDisguised(name);
/** Says who asked, in one of the ways that servers behind a proxy believe. */
const isClaim = (name: string): boolean => claims.has(name) || isForwarded(name) || isDisguised(name);

function isForwarded(name: string): boolean {
  return (name.startsWith("x") || name.startsWith("X")) && name.toLowerCase().startsWith("x-forwarded-");
}

/** @param before What a peer that is believed says of the hops before it; `undefined` for one that is not. */
function inwards(
  request: HttpRequest,
  before: string | undefined,
  requestId: string,
  via: string | false,
): HttpHeaders {
  const { headers, peer, scheme, authority, version } = request;
  const believed = before !== undefined;
  const fields = endToEnd(headers.raw, believed ? isReplaced : isClaim);
  if (peer !== undefined)
    fields.push("x-forwarded-for", before ? `${before}, ${peer.address}` : peer.address);
  // After what a trusted peer says of those before it.
  if (peer?.certificate !== undefined)
    fields.push("x-forwarded-client-cert", clientCertificate(peer.certificate));
  if (!believed || !headers.has("x-forwarded-proto")) fields.push("x-forwarded-proto", scheme);
  if (!believed || !headers.has("x-forwarded-host")) fields.push("x-forwarded-host", authority);
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
  // Which of the protocols that were asked for it opens.
  const upgrade = status === 101 ? headers.get("upgrade") : undefined;
  if (upgrade !== undefined) fields.push("upgrade", upgrade);
  if (via !== false) fields.push("via", `${version} ${via}`);
  fields.push("x-request-id", requestId);
  return new HttpHeaders(fields);
}
