import { HttpHeaders, type HttpRequest } from "@pagoda/core/http";

/**
 * The fields of a request as undici takes them: it writes those of the connection itself, and refuses them. `Host`
 * is the request's authority, whatever stands among the fields and wherever the connection goes.
 */
export function requestFields({ headers: { raw }, authority }: HttpRequest): string[] {
  const fields: string[] = ["host", authority];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === "host") continue;
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
  return fields;
}

/**
 * The fields of a response out of the parser's buffers: every byte as the character of its number. Names and values
 * lie in one piece of memory as a rule; decoding it once and cutting the string takes half as long as decoding each.
 */
export function decodeFields(raw: readonly Buffer[]): HttpHeaders {
  const first = raw[0];
  if (first === undefined) return HttpHeaders.empty;
  const last = raw[raw.length - 1] as Buffer;
  const start = first.byteOffset;
  const end = last.byteOffset + last.length;
  const fields: string[] = [];
  if (lieBetween(raw, first.buffer, start, end)) {
    const all = Buffer.from(first.buffer, start, end - start).toString("latin1");
    for (const { byteOffset, length } of raw) {
      fields.push(all.substring(byteOffset - start, byteOffset - start + length));
    }
  } else {
    for (const part of raw) fields.push(part.toString("latin1"));
  }
  return new HttpHeaders(fields);
}

function lieBetween(raw: readonly Buffer[], memory: ArrayBufferLike, start: number, end: number): boolean {
  for (const { buffer, byteOffset, length } of raw) {
    if (buffer !== memory || byteOffset < start || byteOffset + length > end) return false;
  }
  return true;
}

/** The length that a response announces for its body; `undefined` when it does not, or has none. */
export function announcedLength(headers: HttpHeaders, method: string, status: number): number | undefined {
  if (method === "HEAD" || status === 204 || status === 304) return undefined;
  const length = headers.get("content-length");
  return length === undefined ? undefined : Number(length);
}

/**
 * A reason phrase with every byte as the character of its number, as field values have it. `undefined` where it
 * cannot be sent on: the parsers let control characters through, and what was no UTF-8 is lost.
 */
export function reasonPhrase(phrase: string | undefined, readAs: "utf8" | "latin1"): string | undefined {
  if (phrase === undefined || /^[\t -~]*$/.test(phrase)) return phrase;
  if (phrase.includes("\ufffd")) return undefined;
  const bytes = readAs === "utf8" ? Buffer.from(phrase).toString("latin1") : phrase;
  return /^[\t -~\u0080-\u00ff]*$/.test(bytes) ? bytes : undefined;
}
