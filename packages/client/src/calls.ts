import { type Service, ServiceBuilder } from "@pagoda/core";
import { defaultMaxBytes, type HttpResponse } from "@pagoda/http";
import { json } from "@pagoda/json";
import { statusErrors } from "@pagoda/status-errors";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { BaseUrl } from "./base-url.ts";
import type { CallRequest } from "./call-request.ts";
import type { JsonError, ReadError } from "./faults.ts";
import { checkMaxBytes } from "./options.ts";
import { maxErrorBytes } from "./whole-body.ts";

/** The client's stack, and what reads its responses around it. */
export class Calls<Err> {
  readonly base: BaseUrl;
  readonly maxBytes: number;
  readonly service: Service<CallRequest, HttpResponse, Err>;
  /** Answers with 2xx responses only. */
  readonly successful: Service<CallRequest, HttpResponse, Err | ReadError>;
  /** By schema: a program has few of them, and keeps them. */
  readonly #decoders = new WeakMap<StandardSchemaV1, Service<CallRequest, unknown, Err | JsonError>>();

  /** @throws RangeError if `maxBytes` is out of range. */
  constructor(
    base: BaseUrl,
    service: Service<CallRequest, HttpResponse, Err>,
    maxBytes: number = defaultMaxBytes,
  ) {
    checkMaxBytes(maxBytes);
    this.base = base;
    this.maxBytes = maxBytes;
    this.service = service;
    this.successful = new ServiceBuilder<CallRequest>()
      .layer(statusErrors({ isError: isNotSuccess, maxBodyBytes: maxErrorBytes }))
      .service(service as Service<CallRequest, HttpResponse, Err | ReadError>);
  }

  /** Decodes responses with a schema. */
  decoded(schema: StandardSchemaV1): Service<CallRequest, unknown, Err | JsonError> {
    const known = this.#decoders.get(schema);
    if (known !== undefined) return known;
    const decoder = new ServiceBuilder<CallRequest>()
      // The body is in memory, and its length has been checked.
      .adapt(json(schema, { maxBytes: Infinity }))
      .service(this.successful);
    this.#decoders.set(schema, decoder);
    return decoder;
  }
}

function isNotSuccess({ status }: HttpResponse): boolean {
  return status >= 300;
}
