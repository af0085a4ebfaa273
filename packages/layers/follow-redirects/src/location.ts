import { type Either, left, right } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";

const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether a response is a redirect that says where to. Otherwise it is an ordinary response. */
export function isRedirect({ status, headers }: HttpResponse): boolean {
  return statuses.has(status) && headers.has("location");
}

/** Returns the URL of a request, which has no fragment; `undefined` if its parts do not form one. */
export function urlOf({ scheme, authority, path, query }: HttpRequest): URL | undefined {
  return parsed(`${scheme}://${authority}${path.startsWith("/") ? path : "/"}${query}`);
}

/**
 * Resolves the `Location` of a redirect against the URL that was requested. A fragment that it does
 * not replace is kept (RFC 9110, 10.2.2).
 */
export function targetOf(from: URL, { headers }: HttpResponse): Either<"location" | "scheme", URL> {
  const locations = new Set(headers.all("location"));
  // Different readers would follow different ones.
  if (locations.size !== 1) return left("location");
  const [location = ""] = locations;
  const target = parsed(decoded(location), from);
  if (target === undefined) return left("location");
  if (target.protocol !== "http:" && target.protocol !== "https:") return left("scheme");
  if (target.hash === "") target.hash = from.hash;
  // The deprecated user information is not sent (RFC 9110, 4.2.4).
  target.username = "";
  target.password = "";
  return right(target);
}

function parsed(url: string, base?: URL): URL | undefined {
  return URL.canParse(url, base?.href) ? new URL(url, base) : undefined;
}

/** Fields are read as latin1, but a `Location` that is not ASCII is UTF-8, as browsers read it. */
function decoded(location: string): string {
  if (/^[\0-\x7f]*$/.test(location)) return location;
  return new TextDecoder().decode(Uint8Array.from(location, (char) => char.charCodeAt(0)));
}
