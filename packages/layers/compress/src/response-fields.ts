import { HttpHeaders } from "@pagoda/http";
import { isNamed, lists } from "@pagoda/http/grammar";

/** What the header of a response says about compressing it. */
export interface ResponseFields {
  readonly contentType: string | undefined;
  /** Of `Content-Length`. */
  readonly length: number | undefined;
  /**
   * It must stay as it is: it is encoded, partial, marked `no-transform`, or has a digest of its
   * content.
   */
  readonly isFixed: boolean;
}

export function readResponseFields({ raw }: HttpHeaders): ResponseFields {
  let contentType: string | undefined;
  let length: number | undefined;
  let isFixed = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    switch (name.length) {
      case 6:
        isFixed ||= isNamed(name, "digest");
        break;
      case 11:
        isFixed ||= isNamed(name, "content-md5") || isNamed(name, "repr-digest");
        break;
      case 12:
        if (isNamed(name, "content-type")) contentType ??= value;
        break;
      case 13:
        isFixed ||= isNamed(name, "content-range");
        isFixed ||= isNamed(name, "cache-control") && lists(value, "no-transform");
        break;
      case 14:
        isFixed ||= isNamed(name, "content-digest");
        if (isNamed(name, "content-length")) length ??= Number(value);
        break;
      case 16:
        isFixed ||= isNamed(name, "content-encoding");
        break;
    }
  }
  return { contentType, length, isFixed };
}

/**
 * Returns the header of a compressed response. The entity tag becomes weak, since the bytes differ;
 * ranges would be those of the uncompressed content.
 */
export function compressedFields({ raw }: HttpHeaders, coding: string): HttpHeaders {
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (isNamed(name, "content-length") || isNamed(name, "accept-ranges")) continue;
    fields.push(name, isNamed(name, "etag") ? weak(value) : value);
  }
  fields.push("content-encoding", coding);
  return varying(new HttpHeaders(fields));
}

/** Returns the header with `Vary: Accept-Encoding`. */
export function varying(headers: HttpHeaders): HttpHeaders {
  const vary = headers.all("vary");
  if (vary.some((value) => lists(value, "accept-encoding") || lists(value, "*"))) return headers;
  return headers.set("vary", [...vary, "accept-encoding"].join(", "));
}

/**
 * Returns the header of a 304 for a client that has the compressed response and knows its tag as a
 * weak one. With the strong tag of the origin a cache would not find what it has stored (RFC 9111,
 * 4.3.4).
 */
export function revalidatedFields(headers: HttpHeaders, ifNoneMatch: readonly string[]): HttpHeaders {
  const tag = headers.get("etag");
  if (tag === undefined || !ifNoneMatch.some((value) => value.includes(weak(tag)))) return headers;
  return headers.set("etag", weak(tag));
}

function weak(tag: string): string {
  return tag.startsWith("W/") ? tag : `W/${tag}`;
}
