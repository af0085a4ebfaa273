import type { Writable } from "node:stream";

/**
 * Standard output or standard error of a command, which ends only when all of its output is
 * written.
 */
export class CommandOutput {
  readonly #stream: Writable;
  #last: Promise<void> = Promise.resolve();
  #error: NodeJS.ErrnoException | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Without a listener the first failed write would end the process.
    stream.on("error", (error) => (this.#error ??= error));
  }

  write(text: string): void {
    this.#last = new Promise((resolve) => this.#stream.write(text, () => resolve()));
  }

  /**
   * Settles when the stream has taken all text so far, however slowly it is read.
   *
   * @returns The error, if any. A reader that stops early, as `head` does, is not an error.
   */
  async end(): Promise<Error | undefined> {
    await this.#last;
    return this.#error?.code === "EPIPE" ? undefined : this.#error;
  }
}
