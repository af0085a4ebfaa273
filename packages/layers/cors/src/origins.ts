import { rangeError } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";

/**
 * Which origins may read responses: `*` for all, a list, or a function. An entry of a list is an
 * origin (`https://app.example`), or a wildcard for one or more labels at the start of its host
 * (`https://*.app.example`).
 */
export type Origins<Req extends HttpRequest = HttpRequest> =
  | "*"
  | readonly string[]
  | ((origin: string, request: Req) => boolean);

/** Decides whether an origin is allowed. */
export type IsAllowed<Req> = (origin: string, request: Req) => boolean;

/** @throws RangeError when the list is empty, or an entry cannot match. */
export function originTest<Req extends HttpRequest>(origins: Origins<Req>): IsAllowed<Req> {
  if (origins === "*") return () => true;
  if (typeof origins === "function") return origins;
  if (!Array.isArray(origins) || origins.length === 0)
    throw rangeError("cors: origins", '"*", a function, or a list with at least one origin', origins);
  origins.forEach((origin: string, at) => {
    const expected = originProblem(origin);
    if (expected !== undefined) throw rangeError(`cors: origins[${at}]`, expected, origin);
  });
  const exact = new Set<string>(origins.filter((origin: string) => !origin.includes("*")));
  const wildcards = origins.filter((origin: string) => origin.includes("*")).map(wildcardTest);
  return (origin) => exact.has(origin) || wildcards.some((matches) => matches(origin));
}

function wildcardTest(wildcard: string): (origin: string) => boolean {
  const [start = "", end = ""] = wildcard.split("*");
  return (origin) =>
    origin.startsWith(start) &&
    origin.endsWith(end) &&
    labels.test(origin.slice(start.length, origin.length - end.length));
}

/** Without the characters that could end the host of a URL. */
const labels = /^[\w.-]+$/;

/**
 * Returns what an entry of `origins` must be, if it could never match the `Origin` of a browser;
 * `undefined` if it is valid.
 */
export function originProblem(origin: string): string | undefined {
  const expected = "an origin such as https://app.example or https://*.app.example, without a path";
  // The Origin of sandboxed documents, which any site can create.
  if (origin === "null") return `${expected}; a function can allow null`;
  const [scheme = "", host = ""] = origin.split("://", 2);
  const concrete = host.startsWith("*.") ? `${scheme}://${host.slice(2)}` : origin;
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/.test(concrete)) return expected;
  const isWeb = scheme === "http" || scheme === "https";
  // Browsers send it in lower case, in Punycode and without the default port.
  return isWeb && URL.parse(concrete)?.origin !== concrete ? expected : undefined;
}
