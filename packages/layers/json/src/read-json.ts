import { checkNumber, type Either, type Fault, isLeft, left, right } from "@pagoda/core";
import { type Body, defaultMaxBytes, type HttpHeaders } from "@pagoda/http";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonFault, SchemaIssue } from "./faults.ts";

export interface JsonOptions {
  /** Maximum size of the body in bytes, from 0 to `Infinity`. Default 1,048,576. */
  readonly maxBytes?: number;
}

/**
 * @param factory Prefix of the message.
 * @throws RangeError if `maxBytes` is out of range.
 */
export function checkJsonOptions(factory: string, { maxBytes = defaultMaxBytes }: JsonOptions): void {
  checkNumber(`${factory}: maxBytes`, maxBytes, { min: 0, max: Infinity });
}

export interface Decoded<Schema extends StandardSchemaV1> {
  readonly value: StandardSchemaV1.InferOutput<Schema>;
  readonly bytes: Uint8Array;
}

/**
 * Reads the body of a message as JSON and validates it with a schema.
 *
 * @param origin Origin of the fault if the body is invalid.
 */
export async function readJson<Schema extends StandardSchemaV1>(
  { headers, body }: { readonly headers: HttpHeaders; readonly body: Body },
  schema: Schema,
  { maxBytes = defaultMaxBytes }: JsonOptions,
  origin: Fault["origin"],
  signal: AbortSignal | undefined,
): Promise<Either<JsonFault, Decoded<Schema>>> {
  const contentType = headers.get("content-type");
  if (contentType === undefined || !isJson(contentType)) {
    body.cancel();
    return left({ _tag: "NotJson", origin, retryable: false, contentType });
  }
  const bytes = await body.bytes({ maxBytes, signal });
  if (isLeft(bytes)) return bytes;
  let parsed: unknown;
  try {
    parsed = JSON.parse(utf8.decode(bytes.right));
  } catch (cause) {
    const reason = (cause as Error).message;
    return left({ _tag: "BodyMalformed", origin, retryable: false, reason, cause });
  }
  const checked = await schema["~standard"].validate(parsed);
  if (checked.issues !== undefined)
    return left({ _tag: "SchemaMismatch", origin, retryable: false, issues: checked.issues.map(issueOf) });
  return right({ value: checked.value as StandardSchemaV1.InferOutput<Schema>, bytes: bytes.right });
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Whether it is a JSON MIME type as defined by the WHATWG: `json` or the suffix `+json`. */
function isJson(contentType: string): boolean {
  return /^(?:(?:application|text)\/json|[\w!#$&^.+-]+\/[\w!#$&^.+-]+\+json)[ \t]*(?:;|$)/i.test(contentType);
}

function issueOf({ message, path = [] }: StandardSchemaV1.Issue): SchemaIssue {
  return {
    path: Array.from(path, (segment) => (typeof segment === "object" ? segment.key : segment)),
    message,
  };
}
