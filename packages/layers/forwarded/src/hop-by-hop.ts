import type { RawHeaders } from "@pagoda/http";
import { FieldNames } from "./field-names.ts";

/**
 * The fields of a message that may go further than one connection, in their order, with their case and repetitions:
 * all but those of RFC 9110, 7.6.1, those that are for the next proxy only (11.7), and those that `Connection` names.
 * `TE` keeps its one value that may go further, `trailers`.
 *
 * Cost: about 300 ns for eight fields.
 *
 * @param drop Whether to leave out a further field, by its name as it stands there.
 * @returns A new list, to be added to.
 */
export function endToEnd(raw: RawHeaders, drop: (name: string) => boolean = () => false): string[] {
  const fields: string[] = [];
  const named = namedByConnection(raw);
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (hopByHop.has(name)) {
      // Who sends TE names it in Connection, so it is looked at before the named ones.
      if (name.length === 2 && acceptsTrailers.test(value)) fields.push(name, "trailers");
    } else if (!drop(name) && !named?.has(name.toLowerCase())) {
      fields.push(name, value);
    }
  }
  return fields;
}

const hopByHop = new FieldNames([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

const acceptsTrailers = /(?:^|,)\s*trailers\s*(?:$|[,;])/i;

/**
 * A peer must not be able to take these from a message by naming them in `Connection`: they say how a message is read,
 * for whom it is and from whom it comes. So do all that begin with `x-forwarded-`.
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

/** The names in `Connection` that concern fields of this message. */
function namedByConnection(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    const value = raw[i + 1] as string;
    // What nearly all connections say; neither names a field.
    if (value === "keep-alive" || value === "close") continue;
    for (const option of value.split(",")) {
      const lower = option.trim().toLowerCase();
      if (!neverNamed.has(lower) && !lower.startsWith("x-forwarded-")) (named ??= new Set()).add(lower);
    }
  }
  return named;
}
