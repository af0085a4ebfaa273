import type { RawHeaders } from "./headers.ts";

/** What is never put into one line: RFC 6265, 3, and RFC 9113, 8.2.3. */
const apart: ReadonlySet<string> = new Set(["cookie", "set-cookie"]);

/**
 * Sends fields with Node's HTTP/2, which throws for a further line of a field that has but one value, such as `etag`.
 * Other implementations take it, and one who passes messages on must not be a worse judge than they: then it is sent
 * again with one line for each name, which means the same (RFC 9110, 5.3).
 *
 * @param fields Names in lower case, and values, in turns.
 * @param send Is called a second time only if the first call threw, and so has sent nothing.
 */
export function withSingleLines<R>(fields: RawHeaders, send: (fields: RawHeaders) => R): R {
  try {
    return send(fields);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_HTTP2_HEADER_SINGLE_VALUE") throw error;
    return send(singleLines(fields));
  }
}

/** The same as an object, which is what trailers and 1xx responses are sent as. */
export function asObject(fields: RawHeaders): Record<string, string[]> {
  // Names come from strangers: `constructor` must not be there already.
  const object = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i < fields.length; i += 2)
    (object[fields[i] as string] ??= []).push(fields[i + 1] as string);
  return object;
}

function singleLines(fields: RawHeaders): RawHeaders {
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
