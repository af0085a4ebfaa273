import type { Fault } from "@pagoda/core";
import type { BodyBroken } from "@pagoda/http";
import type { Coding } from "./coding.ts";

/** The content decompresses to more than a limit: the cause of a broken body. */
export interface DecompressedTooLarge extends Fault<"DecompressedTooLarge"> {
  readonly limit: "maxBytes" | "maxRatio";
  readonly maxBytes: number;
  readonly maxRatio: number;
}

/** The content is truncated, or not in its coding: the cause of a broken body. */
export interface Undecodable extends Fault<"Undecodable"> {
  readonly coding: Coding;
}

/** A request's body has a coding that is not supported. Nothing of it was read. */
export interface UnsupportedCoding extends Fault<"UnsupportedCoding"> {
  /** As the client sent it. */
  readonly coding: string;
  /** The value of `Accept-Encoding` for the response, which has status 415 (RFC 9110, 15.5.16). */
  readonly acceptEncoding: string;
}

/** The fault of a body that broke off for one of these causes. */
export function brokenBy(cause: DecompressedTooLarge | Undecodable): BodyBroken {
  return { _tag: "BodyBroken", origin: cause.origin, retryable: false, cause };
}
