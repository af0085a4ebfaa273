import { HttpHeaders } from "@pagoda/http";
import { connectionFields, membersOf } from "@pagoda/http/grammar";

/** Fields that `fetch` sets itself: connection-specific ones and the length of the body. */
const ofTheConnection: ReadonlySet<string> = new Set([
  ...connectionFields,
  "content-length",
  "expect",
  "host",
  "trailer",
]);

/** Returns the fields that may be passed to `fetch`. */
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

/** Returns the fields of a response of `fetch`, whose body has already been decoded. */
export function decoded(headers: Headers): HttpHeaders {
  const fields = HttpHeaders.of(headers);
  return fields.has("content-encoding") ? fields.delete("content-encoding").delete("content-length") : fields;
}
