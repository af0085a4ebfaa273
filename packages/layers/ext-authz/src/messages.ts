import { checkOption } from "@pagoda/core";
import { callNotes, emptyBody, HttpHeaders, type HttpRequest, pathToSend } from "@pagoda/http";
import { isToken } from "@pagoda/http/grammar";

/** Fields about the body or the connection, which are not the authorization server's. */
const notAsked: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Said below.
  "x-forwarded-method",
  "x-forwarded-uri",
]);

/**
 * Returns a function that makes the request to the authorization server.
 *
 * @param names The fields that it gets besides `X-Forwarded-*`; undefined: all.
 * @throws RangeError when a name is not that of a header field.
 */
export function authorizationRequest(
  path: string | undefined,
  names: readonly string[] | undefined,
): <Req extends HttpRequest>(request: Req) => Req {
  names?.forEach((name) => checkName("headers", name));
  const asked = names && new Set(names.map((name) => name.toLowerCase()));
  const isPassed = (name: string): boolean =>
    !notAsked.has(name) && (asked === undefined || asked.has(name) || name.startsWith("x-forwarded-"));

  return (request) => {
    const { method, headers, query } = request;
    const target = pathToSend(request) + query;
    const raw = headers.raw.filter((_, i) => isPassed((headers.raw[i - (i % 2)] as string).toLowerCase()));
    raw.push("x-forwarded-method", method, "x-forwarded-uri", target);
    return {
      ...request,
      method: "GET",
      ...(path !== undefined && { path, query: "", written: undefined }),
      headers: new HttpHeaders(raw),
      body: emptyBody,
      upgrade: undefined,
      upgradeContent: undefined,
      onInformation: undefined,
      // This call is another one than the request's.
      notes: callNotes(),
    };
  };
}

/**
 * Returns a function that sets fields of a request from a response, and removes whatever the client
 * has sent under these names, also with underscores for hyphens.
 *
 * @throws RangeError when a name is not that of a header field.
 */
export function withCopied(
  names: readonly string[],
): (headers: HttpHeaders, from: HttpHeaders | undefined) => HttpHeaders {
  for (const name of names) checkName("copyHeaders", name);
  if (names.length === 0) return (headers) => headers;
  const ours = new Set(names.map(plain));
  return (headers, from) => {
    const raw = headers.raw.filter((_, i) => !ours.has(plain(headers.raw[i - (i % 2)] as string)));
    for (const name of names) for (const value of from?.all(name) ?? []) raw.push(name, value);
    return new HttpHeaders(raw);
  };
}

/** Servers that know fields as variables (CGI) do not distinguish the two. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

function checkName(option: string, name: string): void {
  checkOption(`extAuthz: ${option}`, name, isToken(name), "names of header fields");
}
