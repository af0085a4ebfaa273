import { checkOption } from "@pagoda/core";
import { claimAt, type ClaimPath, HttpHeaders, utf8Bytes } from "@pagoda/http";
import { isToken } from "@pagoda/http/grammar";

/**
 * Returns a function that sets header fields of requests from claims, and removes whatever the
 * client has sent under these names, also with underscores for hyphens.
 *
 * @throws RangeError when a name is not that of a header field.
 */
export function claimHeaders(
  fields: Readonly<Record<string, ClaimPath>>,
  drop: readonly string[],
): (headers: HttpHeaders, claims: object | undefined) => HttpHeaders {
  const entries = Object.entries(fields);
  for (const [name] of entries)
    checkOption("jwt: claimHeaders", name, isToken(name), "names of header fields");
  const own = new Set(entries.map(([name]) => plain(name)));
  const dropped = new Set(drop);
  const lengths = new Set([...own, ...dropped].map(({ length }) => length));
  const isOurs = (name: string): boolean =>
    lengths.has(name.length) && (own.has(plain(name)) || dropped.has(name.toLowerCase()));
  if (entries.length === 0 && drop.length === 0) return (headers) => headers;

  return (headers, claims) => {
    const raw: string[] = [];
    for (let i = 0; i < headers.raw.length; i += 2) {
      const name = headers.raw[i] as string;
      if (!isOurs(name)) raw.push(name, headers.raw[i + 1] as string);
    }
    for (const [name, path] of entries) {
      const value = fieldValue(claimAt(claims, path));
      if (value !== undefined) raw.push(name, value);
    }
    return new HttpHeaders(raw);
  };
}

/** Servers that know fields as variables (CGI) do not distinguish the two. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/**
 * Text as it is, in UTF-8, and everything else as JSON: a list of names separated by commas could be
 * forged with a comma in a name. Text that a field could not carry unchanged is left out.
 */
function fieldValue(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") return visible(JSON.stringify(value));
  const isCarried = /^[^\p{Cc}]+$/u.test(value) && value === value.trim() && value.isWellFormed();
  return isCarried ? onTheWire(value) : undefined;
}

/** JSON in ASCII. */
function visible(json: string): string {
  return json.replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** One character for each byte, as header fields are represented. */
function onTheWire(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return Array.from(utf8Bytes(text), (byte) => String.fromCharCode(byte)).join("");
}
