/** Messages to be sent, for a stream that takes them as they come. */
export class Outbox<T> implements AsyncIterable<T> {
  readonly #messages: T[] = [];
  #wake: () => void = () => {};
  #isClosed = false;

  send(message: T): void {
    if (this.#isClosed) return;
    this.#messages.push(message);
    this.#wake();
  }

  /** Ends the stream; what has not been sent yet is dropped. */
  close(): void {
    this.#isClosed = true;
    this.#messages.length = 0;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const next = this.#messages.shift();
      if (next !== undefined) yield next;
      else if (this.#isClosed) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
