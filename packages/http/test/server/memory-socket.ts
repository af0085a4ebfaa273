import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** A connection in memory, whose client the test is. */
export class MemorySocket extends Duplex {
  readonly remoteAddress = "192.0.2.1";
  readonly remotePort = 1_024;
  bytesRead = 0;
  /** Everything that the client has received, as latin1. */
  text = "";
  isReset = false;
  /** A client that does not read has this taken later. */
  #untaken: (() => void)[] | undefined;

  constructor() {
    super({ allowHalfOpen: true });
    this.on("error", () => {});
  }

  /** The server sees its connection as a socket. */
  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  get _handle(): { readonly bytesRead: number; readonly bytesWritten: number } {
    return { bytesRead: this.bytesRead, bytesWritten: this.text.length };
  }

  /** The client sends bytes. */
  receive(text: string): void {
    this.bytesRead += text.length;
    if (!this.destroyed) this.push(Buffer.from(text, "latin1"));
  }

  /** The client stops reading. */
  block(): void {
    this.#untaken = [];
  }

  /** The client reads everything. */
  unblock(): void {
    const untaken = this.#untaken ?? [];
    this.#untaken = undefined;
    for (const taken of untaken) taken();
  }

  resetAndDestroy(): this {
    this.isReset = true;
    return this.destroy();
  }

  /** How the connection stands, as its client sees it. */
  get standing(): "open" | "ended" | "closed" | "reset" {
    if (this.isReset) return "reset";
    if (this.writableFinished) return "ended";
    return this.destroyed ? "closed" : "open";
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    const take = (): void => {
      this.text += chunk.toString("latin1");
      taken();
    };
    if (this.#untaken === undefined) take();
    else this.#untaken.push(take);
  }
}
