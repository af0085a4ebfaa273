import { socketHost, splitAuthority } from "@pagoda/http/grammar";
import { clientOf, type FromClient, type HttpHeaders, type HttpRequest, knownMethods } from "@pagoda/http";
import type { Attributes } from "@opentelemetry/api";

/**
 * Returns the name of a span: the method, and the route if known. Never the path, which has
 * unbounded cardinality.
 */
export function spanName(method: string, route?: string): string {
  const known = knownMethods.has(method) ? method : "HTTP";
  return route === undefined ? known : `${known} ${route}`;
}

/** Returns the attributes of an incoming request. */
export function serverAttributes(request: HttpRequest & Partial<FromClient>, withQuery: boolean): Attributes {
  const { peer, path, query, scheme } = request;
  return {
    ...commonAttributes(request),
    "url.scheme": scheme,
    "url.path": path,
    "url.query": withQuery && query.length > 1 ? query.slice(1) : undefined,
    "client.address": clientOf(request)?.address,
    "network.peer.address": peer?.address,
    "network.peer.port": peer?.port,
    "network.protocol.version": request.version,
  };
}

/** Returns the attributes of an outgoing request. */
export function clientAttributes(request: HttpRequest, withQuery: boolean): Attributes {
  const { scheme, authority, path, query, notes } = request;
  return {
    ...commonAttributes(request),
    "url.full": `${scheme}://${authority}${path}${withQuery ? query : ""}`,
    "http.request.resend_count": notes.tries > 0 ? notes.tries : undefined,
  };
}

function commonAttributes({ method, authority, scheme, headers }: HttpRequest): Attributes {
  const isKnown = knownMethods.has(method);
  const { address, port = scheme === "https" ? 443 : 80 } = addressOf(authority);
  return {
    "http.request.method": isKnown ? method : "_OTHER",
    "http.request.method_original": isKnown ? undefined : method,
    "server.address": address,
    "server.port": port,
    "user_agent.original": headers.get("user-agent"),
  };
}

/**
 * Returns the attributes of the called origin, which differs from the request's authority behind a
 * proxy.
 */
export function upstreamAttributes(upstream: string): Attributes {
  const { address, port } = addressOf(upstream.replace(/^[a-z]+:\/\//, ""));
  return { "network.peer.address": address, "network.peer.port": port };
}

/** Returns the named fields that are present as attributes, each a list of values. */
export function fieldAttributes(
  side: "request" | "response",
  headers: HttpHeaders,
  names: readonly string[],
): Attributes {
  const attributes: Attributes = {};
  for (const name of names) {
    const values = headers.all(name);
    if (values.length > 0) attributes[`http.${side}.header.${name.toLowerCase()}`] = [...values];
  }
  return attributes;
}

interface Address {
  readonly address: string;
  readonly port?: number | undefined;
}

/** Splits host and port, and removes the brackets of an IPv6 address. */
function addressOf(authority: string): Address {
  const { host, port } = splitAuthority(authority);
  const number = Number(port);
  return { address: socketHost(host), port: Number.isInteger(number) && number > 0 ? number : undefined };
}
