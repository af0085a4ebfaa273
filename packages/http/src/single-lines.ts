import type { RawHeaders } from "./headers.ts";

/** Fields that must not be joined into one line (RFC 6265, 3; RFC 9113, 8.2.3). */
const apart: ReadonlySet<string> = new Set(["cookie", "set-cookie"]);

/**
 * Sends fields with Node's HTTP/2, which throws for a repeated line of a single-valued field, such
 * as `etag`. Other implementations accept such lines, and an intermediary should not be stricter.
 * So the fields are then sent with one line per name, which means the same (RFC 9110, 5.3).
 *
 * @param fields Alternating names in lower case and values.
 * @param send Called a second time only if the first call threw and therefore sent nothing.
 */
export function withSingleLines<R>(fields: RawHeaders, send: (fields: RawHeaders) => R): R {
  try {
    return send(fields);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_HTTP2_HEADER_SINGLE_VALUE") throw error;
    return send(singleLines(fields));
  }
}

/** Converts fields to an object, the form in which trailers and 1xx responses are sent. */
export function asObject(fields: RawHeaders): Record<string, string[]> {
  // Names are untrusted: `constructor` must not exist already.
  const object = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i < fields.length; i += 2)
    (object[fields[i] as string] ??= []).push(fields[i + 1] as string);
  return object;
}

/** Joins the values of repeated fields, apart from cookies, into one line for each name. */
export function singleLines(fields: RawHeaders): string[] {
  const lines: string[] = [];
  const places = new Map<string, number>();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const place = places.get(name);
    if (place !== undefined && !apart.has(name)) {
      lines[place] += `, ${value}`;
      continue;
    }
    lines.push(name, value);
    places.set(name, lines.length - 1);
  }
  return lines;
}
