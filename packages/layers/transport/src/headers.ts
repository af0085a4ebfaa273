import { HttpHeaders, type HttpRequest } from "@pagoda/core/http";

/**
 * The fields of a request as undici takes them: it writes those of the connection itself, and refuses them. `Host`
 * is there in any case, so that it is the request's authority and not the origin's address.
 */
export function requestFields({ headers: { raw }, authority }: HttpRequest): string[] {
  const fields: string[] = [];
  let host = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === "host") host = true;
        break;
      case 6:
        if (name.toLowerCase() === "expect") continue;
        break;
      case 7:
        if (name.toLowerCase() === "upgrade") continue;
        break;
      case 10: {
        const lower = name.toLowerCase();
        if (lower === "connection" || lower === "keep-alive") continue;
        break;
      }
      case 17:
        if (name.toLowerCase() === "transfer-encoding") continue;
    }
    fields.push(name, raw[i + 1] as string);
  }
  if (!host) fields.push("host", authority);
  return fields;
}

/** The fields of a response out of the parser's buffers: every byte as the character of its number. */
export function decodeFields(raw: readonly Buffer[]): HttpHeaders {
  if (raw.length === 0) return HttpHeaders.empty;
  const fields: string[] = Array.from({ length: raw.length });
  for (let i = 0; i < raw.length; i++) fields[i] = (raw[i] as Buffer).toString("latin1");
  return new HttpHeaders(fields);
}

/** The length that a response announces for its body; `undefined` when it does not, or has none. */
export function announcedLength(headers: HttpHeaders, method: string, status: number): number | undefined {
  if (method === "HEAD" || status === 204 || status === 304) return undefined;
  const length = headers.get("content-length");
  return length === undefined ? undefined : Number(length);
}
