import type { Fault } from "@pagoda/core";
import { type Body, type HttpHeaders, isEmptyBody } from "@pagoda/http";
import { codingsOf } from "./coding.ts";
import { decoded } from "./decoded-body.ts";
import type { DecompressOptions } from "./options.ts";

interface Content {
  readonly headers: HttpHeaders;
  readonly body: Body;
}

/**
 * Decodes a message.
 *
 * @returns The parts that change; the name of a coding that is not supported; `undefined` if there is
 * nothing to decode.
 */
export function withoutCodings(
  { headers, body }: Content,
  limits: Required<DecompressOptions>,
  origin: Fault["origin"],
): Content | string | undefined {
  if (!headers.has("content-encoding") || isEmptyBody(body)) return undefined;
  const { codings, unsupported } = codingsOf(headers);
  if (unsupported !== undefined) return unsupported;
  return {
    headers: headers.delete("content-encoding").delete("content-length"),
    body: decoded(body, codings, limits, origin),
  };
}
