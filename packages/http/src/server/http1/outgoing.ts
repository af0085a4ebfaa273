import type { Socket } from "node:net";
import { reset } from "../reset.ts";

/**
 * Up to this size, bytes are joined to the text before them: one write of a string costs less than
 * a vector.
 */
const joinedBytes = 8_192;

/**
 * The bytes of one response on their way to the connection, where they wait for the responses
 * before them.
 */
export class Outgoing {
  /** Whether the head has been passed on. */
  headSent = false;
  /** Whether the end of the response has been passed on. */
  isEnded = false;
  /** The end of the connection is the end of the response (RFC 9112, 6.3). */
  endsWithConnection = false;
  readonly #socket: Socket;
  readonly #sent: () => void;
  #isCurrent = false;
  #isCut = false;
  /** A head that waits for the first bytes of its body. */
  #head = "";
  /** Output that waits for the responses before it. */
  #held: (string | Uint8Array)[] | undefined;
  #heldBytes = 0;

  /** @param sent Called when the system has taken the whole response. */
  constructor(socket: Socket, sent: () => void) {
    this.#socket = socket;
    this.#sent = sent;
  }

  /** All responses before this one have been sent. */
  becomeCurrent(): void {
    this.#isCurrent = true;
    if (this.#isCut) return this.#breakOff();
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#socket.cork();
    for (const each of held) this.write(each);
    if (this.isEnded) this.end();
    this.#socket.uncork();
  }

  /** Whether writers may continue: the connection has room, and it is this response's turn. */
  get hasRoom(): boolean {
    return this.#isCurrent && !this.#socket.writableNeedDrain;
  }

  /** Whether the system has not taken everything that was written. */
  get isWaiting(): boolean {
    return !this.#isCurrent || this.#socket.writableLength > 0;
  }

  /** Takes the head. It goes with the first bytes of the body, unless `flushHead` comes first. */
  writeHead(head: string, endsWithConnection: boolean): void {
    this.headSent = true;
    this.endsWithConnection = endsWithConnection;
    this.#head = head;
  }

  flushHead(): void {
    if (this.#head !== "" && !this.isEnded) this.write("");
  }

  /** @returns False if the writer should pause: see {@link hasRoom}. */
  write(data: string | Uint8Array, sent?: () => void): boolean {
    const head = this.#head;
    if (head === "") return this.#write(data, sent);
    this.#head = "";
    if (typeof data === "string") return this.#write(head + data, sent);
    if (data.length <= joinedBytes) return this.#write(head + latin1(data), sent);
    this.#socket.cork();
    this.#write(head);
    const goOn = this.#write(data, sent);
    this.#socket.uncork();
    return goOn;
  }

  /** Writes a chunk of the chunked coding (RFC 9112, 7.1). */
  writeChunk(chunk: Uint8Array): boolean {
    const size = `${chunk.length.toString(16)}\r\n`;
    if (chunk.length <= joinedBytes) return this.write(`${size}${latin1(chunk)}\r\n`);
    this.#socket.cork();
    this.write(size);
    this.#write(chunk);
    const goOn = this.#write("\r\n");
    this.#socket.uncork();
    return goOn;
  }

  /** Ends the response, after these last bytes. */
  end(data: string | Uint8Array = ""): void {
    this.isEnded = true;
    const isNothing = data.length === 0 && this.#head === "";
    if (!this.#isCurrent) {
      if (!isNothing) this.write(data);
    } else if (isNothing && this.#socket.writableLength === 0) this.#sent();
    else this.write(data, this.#sent);
  }

  /**
   * Breaks the response off after what was written, so that its client notices: after a clean end
   * it would look complete.
   */
  cut(): void {
    this.flushHead();
    this.isEnded = true;
    this.#isCut = true;
    if (this.#isCurrent) this.#breakOff();
  }

  #write(data: string | Uint8Array, sent?: () => void): boolean {
    if (this.#isCurrent)
      return typeof data === "string"
        ? this.#socket.write(data, "latin1", sent)
        : this.#socket.write(data, sent);
    (this.#held ??= []).push(data);
    this.#heldBytes += data.length;
    return this.#heldBytes < this.#socket.writableHighWaterMark;
  }

  #breakOff(): void {
    const socket = this.#socket;
    const close = (): void => {
      if (this.endsWithConnection) reset(socket);
      else socket.destroy();
    };
    if (socket.destroyed || socket.writableLength === 0) close();
    else socket.write("", close);
  }
}

/** Decodes bytes as latin1: a head is latin1, too. */
function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("latin1");
}
