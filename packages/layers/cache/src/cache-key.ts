import { type HttpRequest, pathToSend } from "@pagoda/http";

const defaultPorts = { http: /:80$/, https: /:443$/ } as const;

/** Returns the key of a request's target: its URI in a normal form, and the method. */
export function keyOf(request: HttpRequest): string {
  const { scheme, authority, query } = request;
  // The origin answers for the bytes that it receives, not for the normal form of the path.
  return `GET ${scheme}://${hostAndPort(scheme, authority)}${pathToSend(request)}${query}`;
}

/**
 * Returns the key of another URI that a response names, if it is on the same origin. The responses
 * of one origin must not invalidate those of another (RFC 9111, 4.4).
 */
export function keyAt(location: string | undefined, request: HttpRequest): string | undefined {
  if (location === undefined) return undefined;
  const { scheme, authority, path, query } = request;
  const base = `${scheme}://${authority}${path}${query}`;
  if (!URL.canParse(location, base)) return undefined;
  const { protocol, host, pathname, search } = new URL(location, base);
  const isSame = protocol === `${scheme}:` && host === hostAndPort(scheme, authority);
  return isSame ? `GET ${scheme}://${host}${pathname}${search}` : undefined;
}

function hostAndPort(scheme: "http" | "https", authority: string): string {
  return authority.toLowerCase().replace(defaultPorts[scheme], "");
}
