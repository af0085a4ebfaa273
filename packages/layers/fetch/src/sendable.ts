import { HttpHeaders } from "@pagoda/http";
import { membersOf } from "@pagoda/http/grammar";

/** What `fetch` sets by itself: the connection's fields, and how long the body is. */
const ofTheConnection: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Returns the fields that may be given to `fetch`. */
export function sendable(headers: HttpHeaders): Headers {
  const named = new Set(
    headers.all("connection").flatMap((list) => membersOf(list).map((name) => name.toLowerCase())),
  );
  const fields = new Headers();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (!ofTheConnection.has(lower) && !named.has(lower)) fields.append(name, value);
  }
  return fields;
}

/** Returns the fields of a response of `fetch`, whose body is decoded already. */
export function decoded(headers: Headers): HttpHeaders {
  const fields = HttpHeaders.of(headers);
  return fields.has("content-encoding") ? fields.delete("content-encoding").delete("content-length") : fields;
}
