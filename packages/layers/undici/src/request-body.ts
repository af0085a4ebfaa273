import type { Body, BodyBroken, BodyFlow, BodySink } from "@pagoda/http";
import { Unsendable } from "./unsendable.ts";

/** The request body broke off before its end. */
export class UploadBroken extends Error {
  readonly fault: BodyBroken;

  constructor(fault: BodyBroken) {
    super("request body broken");
    this.fault = fault;
  }
}

type Step = IteratorResult<Uint8Array, undefined>;

const done: Step = { done: true, value: undefined };

/**
 * A request body as undici reads one: an iterable. The body is first read when undici has a
 * connection, and then chunk by chunk. Unlike a stream it can be left unread for another attempt.
 */
export class UndiciBody implements AsyncIterableIterator<Uint8Array, undefined>, BodySink {
  readonly #body: Body;
  /** Remaining bytes, if the length is declared. HTTP/2 in undici does not check it. */
  #left: number;
  #flow: BodyFlow | undefined;
  /** Chunks that undici has not asked for yet. A source that pauses leaves at most one. */
  readonly #chunks: Uint8Array[] = [];
  #wanted: { resolve(step: Step): void; reject(error: Error): void } | undefined;
  #hasBegun = false;
  #outcome: "ended" | Error | undefined;

  constructor(body: Body, length: number | undefined) {
    this.#body = body;
    this.#left = length ?? Infinity;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return Promise.resolve({ done: false, value: chunk });
    if (this.#outcome !== undefined)
      return this.#outcome === "ended" ? Promise.resolve(done) : Promise.reject(this.#outcome);
    return new Promise((resolve, reject) => {
      this.#wanted = { resolve, reject };
      if (this.#hasBegun) this.#flow?.resume();
      else this.#begin();
    });
  }

  /** undici gave up writing. */
  return(): Promise<Step> {
    this.stop("request body not wanted any more");
    return Promise.resolve(done);
  }

  /** Cancels the rest of a body that was begun. One that was not stays unread. */
  stop(reason: Error | string): void {
    if (this.#outcome !== undefined) return;
    // Made only if needed: every call ends here, and an error with its stack costs as much as the call.
    const error = typeof reason === "string" ? new Error(reason) : reason;
    this.#settle(error);
    this.#flow?.cancel(error);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#outcome !== undefined) return false;
    if (chunk.length > this.#left) {
      this.#refuse("the body is longer than its Content-Length");
      return false;
    }
    this.#left -= chunk.length;
    const wanted = this.#wanted;
    if (wanted === undefined) this.#chunks.push(chunk);
    else {
      this.#wanted = undefined;
      wanted.resolve({ done: false, value: chunk });
    }
    return false;
  }

  end(): void {
    if (this.#left !== Infinity && this.#left > 0)
      this.#refuse("the body is shorter than its Content-Length");
    else this.#settle("ended");
  }

  fail(fault: BodyBroken): void {
    this.#settle(new UploadBroken(fault));
  }

  #begin(): void {
    this.#hasBegun = true;
    try {
      const flow = this.#body.pipe(this);
      // It may already have been refused while piping the first chunks.
      if (this.#outcome instanceof Error) flow.cancel(this.#outcome);
      else this.#flow = flow;
    } catch (error) {
      this.#settle(new Unsendable((error as Error).message, { cause: error }));
    }
  }

  #refuse(reason: string): void {
    const error = new Unsendable(reason);
    this.#settle(error);
    this.#flow?.cancel(error);
  }

  #settle(outcome: "ended" | Error): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (outcome === "ended") wanted?.resolve(done);
    else wanted?.reject(outcome);
  }
}
