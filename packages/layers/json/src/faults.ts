import type { Aborted, Fault } from "@pagoda/core";
import type { BodyBroken, BodyMalformed, BodyTooLarge } from "@pagoda/http";

/** The message's `Content-Type` is not JSON, or missing. */
export interface NotJson extends Fault<"NotJson"> {
  readonly contentType: string | undefined;
}

/** The JSON does not have the shape that the schema wants. */
export interface SchemaMismatch extends Fault<"SchemaMismatch"> {
  readonly issues: readonly SchemaIssue[];
}

export interface SchemaIssue {
  /** Where it is: keys and indices from the outside in. Empty for the whole value. */
  readonly path: readonly PropertyKey[];
  /** The schema library's own words. */
  readonly message: string;
}

/** Why a body could not be decoded. */
export type JsonFault = NotJson | BodyBroken | BodyTooLarge | BodyMalformed | SchemaMismatch | Aborted;
