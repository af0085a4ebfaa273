import { aborted, checkMaxWait, defaultMaxWaitMs, layer, type Layer, oneshot, type Wait } from "@pagoda/core";
import { bodyOf, type HttpRequest } from "@pagoda/http";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { isLeft, left } from "fp-ts/lib/Either.js";
import type { JsonFault } from "./faults.ts";
import { checkJsonOptions, type JsonOptions, readJson } from "./read-json.ts";

/** `maxWaitMs` bounds how long a decoded request waits for inner to be ready: 3,000 by default. */
export interface JsonBodyOptions extends JsonOptions, Wait {}

/** What a request carries once its body has been decoded. */
export interface WithJson<T> {
  readonly json: T;
}

/**
 * Decodes JSON requests and checks them with a Standard Schema, for servers: inner finds the schema's
 * output on the request as `json`. The body can still be read there.
 *
 * It stands inside of what limits and authorizes clients, since it reads and keeps the body.
 *
 * Errors: those of `json`, of origin `local`: the client is not an upstream.
 *
 * @throws RangeError when `maxBytes` or `maxWaitMs` is out of range.
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
