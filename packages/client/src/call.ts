import type { Either } from "@pagoda/core";
import type { HttpResponse } from "@pagoda/http";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonError, ReadError } from "./faults.ts";

/**
 * A call that is made when its result is asked for: by `await`, or by one of the methods. Each
 * makes the call anew.
 *
 * Awaited, it is answered with a response with a 2xx status whose body has been read. All other
 * statuses are `StatusError`.
 */
export interface Call<out Err> extends PromiseLike<Either<Err | ReadError, HttpResponse>> {
  /** Decodes JSON without checking its shape. */
  json(): Promise<Either<Err | JsonError, unknown>>;
  /** Decodes JSON and checks it with a Standard Schema (zod, valibot, ArkType, …). */
  json<Schema extends StandardSchemaV1>(
    schema: Schema,
  ): Promise<Either<Err | JsonError, StandardSchemaV1.InferOutput<Schema>>>;
  /** Reads the body as UTF-8, whatever its content type. */
  text(): Promise<Either<Err | ReadError, string>>;
  /** Reads the body. */
  bytes(): Promise<Either<Err | ReadError, Uint8Array>>;
  /**
   * Answers with the response as soon as its headers have arrived, whatever its status. The body must be
   * read or cancelled. Retries and time limits end with the headers.
   */
  stream(): Promise<Either<Err, HttpResponse>>;
}

/** The same call for code that prefers exceptions: a `Left` is thrown as `CallFailed`. */
export interface ThrowingCall extends PromiseLike<HttpResponse> {
  json(): Promise<unknown>;
  json<Schema extends StandardSchemaV1>(schema: Schema): Promise<StandardSchemaV1.InferOutput<Schema>>;
  text(): Promise<string>;
  bytes(): Promise<Uint8Array>;
  stream(): Promise<HttpResponse>;
}
