import type { Writable } from "node:stream";

/** Standard output or standard error of a command, which ends only when all of its output is written. */
export class CommandOutput {
  readonly #stream: Writable;
  #last: Promise<void> = Promise.resolve();
  #error: NodeJS.ErrnoException | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Without a listener the first write that fails would end the process.
    stream.on("error", (error) => (this.#error ??= error));
  }

  write(text: string): void {
    this.#last = new Promise((resolve) => this.#stream.write(text, () => resolve()));
  }

  /**
   * Settles when the stream has taken every text so far, however slowly it is read.
   *
   * @returns What went wrong. A reader that wants no more, as `head` does, is nothing wrong.
   */
  async end(): Promise<Error | undefined> {
    await this.#last;
    return this.#error?.code === "EPIPE" ? undefined : this.#error;
  }
}
