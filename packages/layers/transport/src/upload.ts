import type { Body, BodyFlow, BodySink } from "@pagoda/core/http";

/**
 * A request's body as undici takes it: piece by piece, each when the socket has room. At most one piece is kept.
 *
 * undici finds out that a request is over only when the next piece comes, and a client may never send it: whoever
 * knows earlier says `stop`. A body that was not begun is left as it is, for another try.
 */
export class Upload implements BodySink, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #body: Body;
  #flow: BodyFlow | undefined;
  #begun = false;
  #kept: Uint8Array[] = [];
  #outcome: { readonly error?: unknown } | undefined;
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array, undefined>> | undefined;

  constructor(body: Body) {
    this.#body = body;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const outcome = this.#outcome;
    if (outcome !== undefined && "error" in outcome) return Promise.reject(outcome.error);
    const value = this.#kept.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (outcome !== undefined) return Promise.resolve({ done: true, value: undefined });
    const waiting = Promise.withResolvers<IteratorResult<Uint8Array, undefined>>();
    this.#waiting = waiting;
    if (this.#begun) this.#flow?.resume();
    else this.#begin();
    return waiting.promise;
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.stop(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Nobody takes the rest. What waits for it fails: a clean end would make a complete short request of it. */
  stop(reason: unknown): void {
    if (this.#outcome !== undefined) return;
    this.#end({ error: reason ?? new Error("the upload was stopped") });
    this.#flow?.cancel(reason);
  }

  write(chunk: Uint8Array): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#kept.push(chunk);
      return false;
    }
    this.#waiting = undefined;
    waiting.resolve({ done: false, value: chunk });
    return true;
  }

  end(): void {
    this.#end({});
  }

  fail(fault: unknown): void {
    this.#end({ error: fault });
  }

  #begin(): void {
    this.#begun = true;
    try {
      const flow = this.#body.pipe(this);
      // It may have been stopped by what the first pieces brought about.
      if (this.#outcome === undefined) this.#flow = flow;
      else flow.cancel();
    } catch (error) {
      this.#end({ error: unreadable(error) });
    }
  }

  #end(outcome: { readonly error?: unknown }): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if ("error" in outcome) waiting?.reject(outcome.error);
    else waiting?.resolve({ done: true, value: undefined });
  }
}

/** The error of a body that cannot be read (again), with a code by which `faultOf` knows it for the caller's. */
export function unreadable(error: unknown): Error {
  return Object.assign(error instanceof Error ? error : new Error(String(error)), {
    code: "ERR_BODY_UNREADABLE",
  });
}
