import type { Duplex } from "node:stream";
import { SendWindow } from "./flow-control.ts";
import { FrameWriter } from "./frame-writer.ts";
import { defaultFrameSize, defaultWindow } from "./frames.ts";
import type { PeerSettings } from "./settings.ts";

/** When this many bytes are unwritten, DATA waits for the socket. */
const maxUnwritten = 262_144;

/** A stream that sends. */
export interface Sender {
  readonly id: number;
  readonly sendWindow: SendWindow;
  readonly hasQueued: boolean;
  /** Sends what it has kept, as far as the windows allow. */
  flush(): void;
}

/** Waits until what it has sent is written. */
export interface Awaiting {
  written(): void;
}

/**
 * What a connection sends. All frames of a turn of the event loop are written at once, after the
 * reads of that turn: with many streams at a time the system is called once for all of them.
 */
export class Outbox {
  readonly writer: FrameWriter;
  /** Flow-control window of the connection. */
  readonly window: SendWindow = new SendWindow(defaultWindow);
  readonly #socket: Duplex;
  readonly #peer: PeerSettings;
  readonly #sent: () => void;
  /** Streams with data that may be sent as soon as the connection allows. */
  readonly #waiting = new Set<Sender>();
  /** Number of the batch that is gathered. */
  batch = 1;
  /** Number of the last batch that the system has taken. */
  writtenBatch = 0;
  /** Those who wait for the batch that is gathered, and for those that are not written yet. */
  #awaiting: Awaiting[] | undefined;
  readonly #unwritten: (Awaiting[] | undefined)[] = [];

  /** @param sent Called for each frame with content. */
  constructor(socket: Duplex, peer: PeerSettings, sent: () => void) {
    this.#socket = socket;
    this.#peer = peer;
    this.#sent = sent;
    // The end of a turn of the event loop, not a time.
    // oxlint-disable-next-line pagoda/injected-clock
    this.writer = new FrameWriter(() => setImmediate(this.flush));
    socket.on("drain", () => this.pump());
  }

  /** Sends a header block. */
  headers(stream: number, fields: readonly string[], isLast: boolean): void {
    this.writer.headers(stream, fields, isLast, this.#maxFrame);
    this.#sent();
  }

  /** Sends as much of a chunk as the windows allow now. Returns where the rest begins. */
  data({ id, sendWindow }: Sender, chunk: Uint8Array, from: number): number {
    const { window } = this;
    while (from < chunk.length && !this.#isCongested) {
      const length = Math.min(chunk.length - from, this.#maxFrame, window.available, sendWindow.available);
      if (length <= 0) break;
      window.available -= length;
      sendWindow.available -= length;
      this.writer.data(id, chunk, from, from + length, false);
      this.#sent();
      from += length;
    }
    return from;
  }

  /** Ends a stream, with trailers or its last DATA frame. */
  end(stream: number, trailers: readonly string[] | undefined): void {
    if (trailers === undefined || trailers.length === 0) this.writer.endData(stream);
    else this.headers(stream, trailers, true);
  }

  /** A stream has data that could not be sent. Without a window of its own it waits for that. */
  waits(stream: Sender): void {
    if (stream.sendWindow.available > 0) this.#waiting.add(stream);
  }

  forget(stream: Sender): void {
    this.#waiting.delete(stream);
  }

  /** Sends what is waiting, a chunk of each stream in turn. */
  pump(): void {
    for (const stream of this.#waiting) {
      if (this.#isCongested || this.window.available <= 0) return;
      this.#waiting.delete(stream);
      stream.flush();
      // At the end of the set, so its turn comes again in this loop.
      if (stream.hasQueued) this.waits(stream);
    }
  }

  /** Calls `written` once the system has taken the frames gathered so far; at once if it has. */
  whenWritten(awaiting: Awaiting): void {
    const unwritten = this.#unwritten;
    const last = unwritten.length - 1;
    if (this.writer.pending > 0) (this.#awaiting ??= []).push(awaiting);
    else if (last < 0) awaiting.written();
    else (unwritten[last] ??= []).push(awaiting);
  }

  /** Writes everything now. */
  readonly flush = (): void => {
    const pieces = this.writer.take();
    const socket = this.#socket;
    if (pieces.length === 0 || !socket.writable) return;
    this.batch++;
    this.#unwritten.push(this.#awaiting);
    this.#awaiting = undefined;
    const last = pieces.length - 1;
    if (last === 0) {
      socket.write(pieces[0], this.#written);
      return;
    }
    socket.cork();
    for (let n = 0; n < last; n++) socket.write(pieces[n]);
    socket.write(pieces[last], this.#written);
    socket.uncork();
  };

  readonly #written = (): void => {
    this.writtenBatch++;
    const awaiting = this.#unwritten.shift();
    if (awaiting !== undefined) for (const each of awaiting) each.written();
  };

  /** Bytes that the system has not taken yet. */
  get unwritten(): number {
    return this.writer.pending + this.#socket.writableLength;
  }

  get #isCongested(): boolean {
    return this.unwritten > maxUnwritten;
  }

  /** Larger frames would hold other streams up. */
  get #maxFrame(): number {
    return Math.min(this.#peer.maxFrameSize, defaultFrameSize);
  }
}
