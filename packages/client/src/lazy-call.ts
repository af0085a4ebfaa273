import { type Either, isLeft, right, type Service } from "@pagoda/core";
import type { CallNotes, HttpResponse } from "@pagoda/http";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Call } from "./call.ts";
import type { CallRequest } from "./call-request.ts";
import type { Calls } from "./calls.ts";
import type { JsonError, ReadError, UrlRefused } from "./faults.ts";
import { messageOf, type SendOptions, type Wanted } from "./message.ts";

/** The schema of `json()`: accepts everything. */
const anything: StandardSchemaV1 = {
  "~standard": { version: 1, vendor: "pagoda", validate: (value) => ({ value }) },
};

/** A call that is made when its result is asked for. */
export class LazyCall<Err> implements Call<Err> {
  readonly #calls: Calls<Err>;
  readonly #method: string;
  readonly #url: string | URL;
  readonly #options: SendOptions;
  readonly #notes: CallNotes | undefined;

  /** @param notes Of the call; for callers that make it once. */
  constructor(calls: Calls<Err>, method: string, url: string | URL, options: SendOptions, notes?: CallNotes) {
    this.#calls = calls;
    this.#method = method;
    this.#url = url;
    this.#options = options;
    this.#notes = notes;
  }

  // Thenable on purpose: `await client.delete(url)` makes the call.
  // oxlint-disable-next-line unicorn/no-thenable
  then<A, B>(
    onAnswer?: ((result: Either<Err | ReadError, HttpResponse>) => A | PromiseLike<A>) | null,
    onDefect?: ((defect: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#whole().then(onAnswer as (result: unknown) => A, onDefect);
  }

  async json<Schema extends StandardSchemaV1>(
    schema: Schema = anything as Schema,
  ): Promise<Either<Err | JsonError, StandardSchemaV1.InferOutput<Schema>>> {
    const wanted = { maxBytes: this.#maxBytes, accept: "application/json" };
    return this.#send(this.#calls.decoded(schema), wanted) as ReturnType<typeof this.json<Schema>>;
  }

  async text(): Promise<Either<Err | ReadError, string>> {
    const bytes = await this.bytes();
    return isLeft(bytes) ? bytes : right(new TextDecoder().decode(bytes.right));
  }

  async bytes(): Promise<Either<Err | ReadError, Uint8Array>> {
    const result = await this.#whole();
    return isLeft(result) ? result : result.right.body.bytes({ maxBytes: Infinity });
  }

  async stream(): Promise<Either<Err, HttpResponse>> {
    return this.#send(this.#calls.service, { maxBytes: undefined });
  }

  async #whole(): Promise<Either<Err | ReadError, HttpResponse>> {
    return this.#send(this.#calls.successful, { maxBytes: this.#maxBytes });
  }

  get #maxBytes(): number {
    return this.#options.maxBytes ?? this.#calls.maxBytes;
  }

  /** Callers are async: what is wrong with the options becomes a rejection. */
  #send<Res, E>(to: Service<CallRequest, Res, E>, wants: Wanted): Promise<Either<E, Res>> {
    const wanted = this.#notes === undefined ? wants : { ...wants, notes: this.#notes };
    const request = messageOf(this.#calls.base, this.#method, this.#url, this.#options, wanted);
    // `UrlRefused` is one of a client's errors, which `Err` stands for.
    if (isLeft(request)) return Promise.resolve(request as Either<UrlRefused & E, never>);
    return to.call(request.right, this.#options.signal);
  }
}
