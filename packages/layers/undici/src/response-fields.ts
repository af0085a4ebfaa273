import { HttpHeaders } from "@pagoda/http";

/**
 * Fields as undici gives them: with HTTP/1.1 a list of buffers as on the wire, with HTTP/2 and from
 * interceptors and mocks a record or a list of strings.
 */
export type UndiciFields =
  | readonly (Buffer | string)[]
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | null
  | undefined;

/** Converts fields of a response. Each character is a byte. */
export function fieldsOf(given: UndiciFields): HttpHeaders {
  if (given === null || given === undefined) return HttpHeaders.empty;
  const raw: string[] = [];
  if (isList(given))
    for (const each of given) raw.push(typeof each === "string" ? each : each.toString("latin1"));
  else
    for (const [name, value] of Object.entries(given)) {
      if (typeof value === "string") raw.push(name, value);
      else for (const each of value ?? []) raw.push(name, each);
    }
  return raw.length === 0 ? HttpHeaders.empty : new HttpHeaders(raw);
}

function isList(given: NonNullable<UndiciFields>): given is readonly (Buffer | string)[] {
  return Array.isArray(given);
}
