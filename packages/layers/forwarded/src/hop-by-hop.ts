import type { RawHeaders } from "@pagoda/core/http";

/**
 * The fields of a message that concern more than one connection: without those of RFC 9110, 7.6.1, and without those
 * that `Connection` names. `TE` keeps its one value that may go further, `trailers`.
 *
 * @param drop Names, in lower case, of further fields to leave out.
 * @returns A new list, to be added to.
 */
export function endToEnd(raw: RawHeaders, drop: ReadonlySet<string>): string[] {
  const fields: string[] = [];
  const named = namedByConnection(raw);
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const lower = name.toLowerCase();
    if (drop.has(lower) || named?.has(lower)) continue;
    if (hopByHop.has(lower)) {
      if (lower === "te" && acceptsTrailers.test(raw[i + 1] as string)) fields.push(name, "trailers");
      continue;
    }
    fields.push(name, raw[i + 1] as string);
  }
  return fields;
}

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** A client must not be able to take these from a message by naming them in `Connection`. */
const neverNamed: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "content-type",
  "authorization",
  "cookie",
]);

const acceptsTrailers = /(?:^|,)\s*trailers\s*(?:$|[,;])/i;

/** The names in `Connection`, `close` and `keep-alive` apart, which name no field. */
function namedByConnection(raw: RawHeaders): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    for (const option of (raw[i + 1] as string).split(",")) {
      const lower = option.trim().toLowerCase();
      if (lower !== "keep-alive" && lower !== "close" && !neverNamed.has(lower))
        (named ??= new Set()).add(lower);
    }
  }
  return named;
}
