import {
  aborted,
  checkMaxWait,
  defaultMaxWaitMs,
  isLeft,
  layer,
  type Layer,
  left,
  oneshot,
  type Wait,
} from "@pagoda/core";
import { bodyOf, type HttpRequest } from "@pagoda/http";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonFault } from "./faults.ts";
import { checkJsonOptions, type JsonOptions, readJson } from "./read-json.ts";

/** `maxWaitMs` bounds how long a decoded request waits for inner to be ready. Default 3,000. */
export interface JsonBodyOptions extends JsonOptions, Wait {}

/** A request whose body has been decoded. */
export interface WithJson<T> {
  readonly json: T;
}

/**
 * Decodes JSON requests and validates them with a Standard Schema, for servers: the request that
 * inner gets has the schema's output as `json`. Inner can still read the body.
 *
 * Place it inside layers that limit and authorize clients, because it buffers the body.
 *
 * Errors: those of `json`, but with origin `local`, because the client is not an upstream.
 *
 * @throws RangeError if `maxBytes` or `maxWaitMs` is out of range.
 */
export function jsonBody<Schema extends StandardSchemaV1>(
  schema: Schema,
  { maxWaitMs = defaultMaxWaitMs, clock, ...options }: JsonBodyOptions = {},
): Layer<HttpRequest, WithJson<StandardSchemaV1.InferOutput<Schema>>, JsonFault> {
  checkJsonOptions("jsonBody", options);
  checkMaxWait("jsonBody", maxWaitMs);
  const wait: Wait = { maxWaitMs, ...(clock && { clock }) };
  return layer<HttpRequest, WithJson<StandardSchemaV1.InferOutput<Schema>>, JsonFault>(
    "json-body",
    (inner) => ({
      options: { schema: schema["~standard"].vendor },
      call: async (request, signal) => {
        const read = await readJson(request, schema, options, "local", signal);
        if (isLeft(read)) return read;
        if (signal?.aborted) return left(aborted(signal));
        const { value, bytes } = read.right;
        return oneshot(inner, { ...request, body: bodyOf(bytes), json: value }, signal, wait);
      },
    }),
  );
}
