import { emptyBody, HttpHeaders, type HttpRequest } from "@pagoda/http";

/** Fields that are meant for one origin only. */
const credentials: readonly string[] = ["authorization", "cookie", "proxy-authorization"];

/** Fields about a content that is no longer sent (RFC 9110, 15.4). */
const aboutContent: readonly string[] = [
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
  "content-digest",
  "repr-digest",
  "digest",
  "last-modified",
  "transfer-encoding",
  "trailer",
  "expect",
];

/**
 * Makes the request that follows a redirect.
 *
 * @param status Status of the redirect.
 * @param sensitive Further fields meant for one origin only.
 * @returns `undefined` if it needs the request's body, which cannot be read again.
 */
export function nextRequest(
  request: HttpRequest,
  status: number,
  from: URL,
  to: URL,
  sensitive: readonly string[],
): HttpRequest | undefined {
  const dropped: string[] = [];
  const isRewritten = becomesGet(request.method, status);
  if (isRewritten) dropped.push(...aboutContent);
  if (from.origin !== to.origin) dropped.push(...credentials, ...sensitive);
  if (from.protocol === "https:" && to.protocol === "http:") dropped.push("referer");

  const hasBody = !isRewritten && request.body.length !== 0;
  if (hasBody && !request.body.canRead) return undefined;
  return {
    ...request,
    method: isRewritten ? "GET" : request.method,
    scheme: to.protocol === "https:" ? "https" : "http",
    authority: to.host,
    path: to.pathname,
    written: undefined,
    query: to.search,
    headers: headersFor(request.headers, to.host, new Set(dropped)),
    body: hasBody ? request.body : emptyBody,
  };
}

/** Whether the next request is a GET without content (Fetch, "HTTP-redirect fetch"). */
function becomesGet(method: string, status: number): boolean {
  if (status === 303) return method !== "GET" && method !== "HEAD";
  return (status === 301 || status === 302) && method === "POST";
}

function headersFor(headers: HttpHeaders, host: string, dropped: ReadonlySet<string>): HttpHeaders {
  const raw: string[] = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (!dropped.has(lower)) raw.push(name, lower === "host" ? host : value);
  }
  return new HttpHeaders(raw);
}
