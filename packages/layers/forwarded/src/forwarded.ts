import { randomUUID } from "node:crypto";
import { layer, type Layer } from "@pagoda/core";
import {
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  type Identified,
  type Peer,
} from "@pagoda/core/http";
import { isLeft, right } from "fp-ts/lib/Either.js";
import { endToEnd } from "./hop-by-hop.ts";

export interface ForwardedOptions {
  /**
   * Whether what a peer says in `X-Forwarded-*` and `X-Request-Id` is believed: true for a proxy of one's own in
   * front of this one. Default: nobody is believed.
   */
  readonly trust?: (peer: Peer) => boolean;
  /** The name in `Via`. Default `pagoda`. */
  readonly via?: string;
  /** Makes the id of a request that brings none, or whose peer is not trusted. Default: a random UUID. */
  readonly newId?: () => string;
}

/**
 * Makes messages fit to be passed on. Inwards: fields that concern only the client's connection are left out;
 * `X-Forwarded-For`, `-Proto`, `-Host`, `Via` and `X-Request-Id` are set. Outwards: the same fields are left out of
 * the response, which gets `Via` and the request's id.
 *
 * It stands outermost in a proxy, so that everything further in can tell requests apart by their id.
 *
 * Errors: none.
 */
export function forwarded({
  trust = () => false,
  via = "pagoda",
  newId = randomUUID,
}: ForwardedOptions = {}): Layer<HttpRequest, Identified> {
  if (!/^[\w.:-]+$/.test(via))
    throw new RangeError(`forwarded: via is "${via}"; valid are letters, digits, ._:-`);

  return layer<HttpRequest, Identified>("forwarded", (inner) => ({
    options: { via },
    call(request, signal) {
      const { peer } = request;
      const believed = peer !== undefined && trust(peer);
      const requestId = (believed ? request.headers.get("x-request-id") : undefined) ?? newId();
      const headers = inwards(request, believed, requestId, via);
      return inner.call({ ...request, headers, requestId }, signal).then((result) => {
        if (isLeft(result)) return result;
        // The response of inner, whatever more it carries, with other fields.
        const response = result.right as HttpResponse;
        return right({ ...response, headers: outwards(response, requestId, via) } as typeof result.right);
      });
    },
  }));
}

const fromAnyone: ReadonlySet<string> = new Set(["x-forwarded-for", "x-request-id"]);
const fromUntrusted: ReadonlySet<string> = new Set([
  ...fromAnyone,
  "forwarded",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-real-ip",
]);

function inwards(request: HttpRequest, believed: boolean, requestId: string, via: string): HttpHeaders {
  const { headers, peer, scheme, authority, version } = request;
  const fields = endToEnd(headers.raw, believed ? fromAnyone : fromUntrusted);
  if (peer !== undefined) {
    const before = believed ? headers.all("x-forwarded-for") : [];
    fields.push(
      "x-forwarded-for",
      before.length === 0 ? peer.address : `${before.join(", ")}, ${peer.address}`,
    );
  }
  if (!believed || !headers.has("x-forwarded-proto")) fields.push("x-forwarded-proto", scheme);
  if (!believed || !headers.has("x-forwarded-host")) fields.push("x-forwarded-host", authority);
  fields.push("via", `${version} ${via}`, "x-request-id", requestId);
  return new HttpHeaders(fields);
}

const ownId: ReadonlySet<string> = new Set(["x-request-id"]);

function outwards({ headers }: HttpResponse, requestId: string, via: string): HttpHeaders {
  const fields = endToEnd(headers.raw, ownId);
  fields.push("via", `1.1 ${via}`, "x-request-id", requestId);
  return new HttpHeaders(fields);
}
