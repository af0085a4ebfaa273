import type { Aborted, Fault } from "@pagoda/core";
import type { BodyBroken, BodyMalformed, BodyTooLarge } from "@pagoda/http";

/** The message's `Content-Type` is missing or not JSON. */
export interface NotJson extends Fault<"NotJson"> {
  readonly contentType: string | undefined;
}

/** The JSON does not match the schema. */
export interface SchemaMismatch extends Fault<"SchemaMismatch"> {
  readonly issues: readonly SchemaIssue[];
}

export interface SchemaIssue {
  /** Keys and indices from the outside in. Empty for the whole value. */
  readonly path: readonly PropertyKey[];
  /** The schema library's message. */
  readonly message: string;
}

/** Why a body could not be decoded. */
export type JsonFault = NotJson | BodyBroken | BodyTooLarge | BodyMalformed | SchemaMismatch | Aborted;
