import { CallFailed, type Either, isLeft } from "@pagoda/core";
import { callNotes, type HttpResponse } from "@pagoda/http";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Call, ThrowingCall } from "./call.ts";
import type { Calls } from "./calls.ts";
import { LazyCall } from "./lazy-call.ts";
import type { SendOptions } from "./message.ts";

/** A call with exceptions, made when its result is asked for. */
export class LazyThrowingCall implements ThrowingCall {
  readonly #calls: Calls<unknown>;
  readonly #method: string;
  readonly #url: string | URL;
  readonly #options: SendOptions;

  constructor(calls: Calls<unknown>, method: string, url: string | URL, options: SendOptions) {
    this.#calls = calls;
    this.#method = method;
    this.#url = url;
    this.#options = options;
  }

  // oxlint-disable-next-line unicorn/no-thenable
  then<A, B>(
    onAnswer?: ((response: HttpResponse) => A | PromiseLike<A>) | null,
    onFailure?: ((failure: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#orThrow((call) => call).then(onAnswer as (response: HttpResponse) => A, onFailure);
  }

  json<Schema extends StandardSchemaV1>(schema?: Schema): Promise<StandardSchemaV1.InferOutput<Schema>> {
    return this.#orThrow((call) => call.json(schema as Schema));
  }

  text(): Promise<string> {
    return this.#orThrow((call) => call.text());
  }

  bytes(): Promise<Uint8Array> {
    return this.#orThrow((call) => call.bytes());
  }

  stream(): Promise<HttpResponse> {
    return this.#orThrow((call) => call.stream());
  }

  async #orThrow<T>(answer: (call: Call<unknown>) => PromiseLike<Either<unknown, T>>): Promise<T> {
    const notes = callNotes();
    const result = await answer(new LazyCall(this.#calls, this.#method, this.#url, this.#options, notes));
    if (isLeft(result)) throw new CallFailed(result.left, this.#failed(notes.tries));
    return result.right;
  }

  /** `GET https://a.example/users failed after 3 requests`: without the query, which may be secret. */
  #failed(requests: number): string {
    const url = this.#calls.base.resolve(this.#url);
    const where = isLeft(url) ? "" : ` ${url.right.origin}${url.right.pathname}`;
    return `${this.#method}${where} failed${requests > 1 ? ` after ${requests} requests` : ""}`;
  }
}
