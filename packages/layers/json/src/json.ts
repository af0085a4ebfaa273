import { type Adapter, adapter, isLeft, type Passes, right } from "@pagoda/core";
import type { HttpResponse } from "@pagoda/http";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonFault } from "./faults.ts";
import { checkJsonOptions, type JsonOptions, readJson } from "./read-json.ts";

/**
 * Decodes JSON responses and validates them with a Standard Schema (zod, valibot, ArkType, …): inner
 * returns an `HttpResponse`, the stack returns the schema's output.
 *
 * It ignores the status. Put `status-errors` inside it, so that error pages are not decoded, and a
 * `timeout` outside, which also bounds reading the body.
 *
 * Errors: `NotJson` for another content type, `BodyMalformed` for invalid JSON and `SchemaMismatch`
 * if the schema rejects the value, all of origin `upstream`; `BodyTooLarge`; `BodyBroken` if the body
 * breaks off; `Aborted`.
 *
 * @throws RangeError if `maxBytes` is out of range.
 *
 * @example
 * const users = new ServiceBuilder<HttpRequest>()
 *   .layer(timeout({ ms: 1_000 }))
 *   .adapt(json(z.array(User)))
 *   .layer(statusErrors())
 *   .service(transport("https://users.example"));
 */
export function json<Schema extends StandardSchemaV1>(
  schema: Schema,
  options: JsonOptions = {},
): Adapter<unknown, Passes<unknown>, HttpResponse, StandardSchemaV1.InferOutput<Schema>, JsonFault> {
  checkJsonOptions("json", options);
  return adapter<unknown, Passes<unknown>, HttpResponse, StandardSchemaV1.InferOutput<Schema>, JsonFault>(
    "json",
    (inner) => ({
      options: { schema: schema["~standard"].vendor },
      call: async (request, signal) => {
        const result = await inner.call(request, signal);
        if (isLeft(result)) return result;
        const read = await readJson(result.right, schema, options, "upstream", signal);
        return isLeft(read) ? read : right(read.right.value);
      },
    }),
  );
}
