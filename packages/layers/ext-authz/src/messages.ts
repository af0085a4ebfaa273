import { bodyOf, callNotes, emptyBody, HttpHeaders, type HttpRequest, pathToSend } from "@pagoda/http";
import { connectionFields } from "@pagoda/http/grammar";
import type { Content } from "./content.ts";
import { checkCopied, checkName, maxFieldBytes, maxFields, plain, without } from "./fields.ts";

/** Fields about the body or the connection, which are not the authorization server's. */
const notAsked: ReadonlySet<string> = new Set([
  ...connectionFields,
  "content-length",
  "expect",
  "trailer",
  // Said below.
  "x-envoy-auth-partial-body",
  "x-forwarded-method",
  "x-forwarded-uri",
]);

/** Says whether the body is only the beginning. Envoy's name, so that its servers work here. */
export const partialBody = "x-envoy-auth-partial-body";

/** Returns the target of a request as the origin gets it; of CONNECT it is the authority. */
export function targetOf(request: HttpRequest): string {
  return request.method === "CONNECT" ? request.authority : pathToSend(request) + request.query;
}

/**
 * Returns a test of the names, in lower case, of fields that the server gets.
 *
 * @param names Undefined: all.
 * @throws RangeError when a name is not that of a header field.
 */
export function askedFields(names: readonly string[] | undefined): (name: string) => boolean {
  if (names === undefined) return () => true;
  for (const name of names) checkName("headers", name);
  const asked = new Set(names.map((name) => name.toLowerCase()));
  return (name) => asked.has(name);
}

/**
 * Returns a function that makes the request to the authorization server.
 *
 * @param names The fields that it gets besides `X-Forwarded-*`; undefined: all.
 * @throws RangeError when a name is not that of a header field.
 */
export function authorizationRequest(
  path: string | undefined,
  names: readonly string[] | undefined,
): <Req extends HttpRequest>(request: Req, content: Content | undefined) => Req {
  const isAsked = askedFields(names);
  const isPassed = (name: string, hasBody: boolean): boolean =>
    !notAsked.has(plain(name)) &&
    (isAsked(name) || name.startsWith("x-forwarded-") || (hasBody && ofBody.has(name)));

  return (request, content) => {
    const { method, headers } = request;
    const hasBody = content !== undefined && content.bytes.length > 0;
    const raw = headers.raw.filter((_, i) =>
      isPassed((headers.raw[i - (i % 2)] as string).toLowerCase(), hasBody),
    );
    raw.push("x-forwarded-method", method, "x-forwarded-uri", targetOf(request));
    if (content !== undefined) raw.push(partialBody, String(content.isPartial));
    return {
      ...request,
      // Many servers ignore the body of a GET request (RFC 9110, 9.3.1).
      method: hasBody ? "POST" : "GET",
      ...(path !== undefined && { path, query: "", written: undefined }),
      // Those of `OPTIONS *` and CONNECT are not those of any other method.
      ...(path === undefined && !request.path.startsWith("/") && { path: "/", query: "" }),
      headers: new HttpHeaders(raw),
      body: hasBody ? bodyOf(content.bytes) : emptyBody,
      upgrade: undefined,
      upgradeContent: undefined,
      onInformation: undefined,
      // This call is another one than the request's.
      notes: callNotes(),
    };
  };
}

/** Fields without which a body cannot be read. */
const ofBody: ReadonlySet<string> = new Set(["content-type", "content-encoding"]);

/**
 * Returns functions that read fields of a response, undefined if they are too many, and that set them
 * on a request, whose own fields under these names are removed, also with underscores for hyphens.
 *
 * @throws RangeError when a name is not that of a header field that may be set.
 */
export function copying(names: readonly string[]): {
  read(from: HttpHeaders): readonly string[] | undefined;
  set(headers: HttpHeaders, fields: readonly string[]): HttpHeaders;
} {
  checkCopied(names);
  const ours = new Set(names.map(plain));
  return {
    read(from) {
      const fields = names.flatMap((name) => from.all(name).flatMap((value) => [name, value]));
      const bytes = fields.reduce((sum, { length }) => sum + length, 0);
      return fields.length > 2 * maxFields || bytes > maxFieldBytes ? undefined : fields;
    },
    set(headers, fields) {
      const own = without(headers, ours);
      return fields.length === 0 ? own : new HttpHeaders([...own.raw, ...fields]);
    },
  };
}
