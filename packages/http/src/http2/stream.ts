import { errorCode, MalformedMessage, StreamReset } from "./error-codes.ts";
import type { FieldBlock } from "./field-block.ts";
import { ReceiveWindow, SendWindow } from "./flow-control.ts";
import type { Outbox, Sender } from "./outbox.ts";
import type { StreamHandler, StreamOwner, StreamWindows } from "./stream-owner.ts";

/** One request and its response on a connection, as either side sees it (RFC 9113, 5.1). */
export abstract class Stream implements Sender {
  readonly id: number;
  readonly sendWindow: SendWindow;
  protected readonly outbox: Outbox;
  /** The head of the peer's message has arrived. */
  protected hasHead = false;
  /** Length that the peer's message announces. */
  protected announced: number | undefined;
  readonly #receiveWindow: ReceiveWindow;
  readonly #owner: StreamOwner<this>;
  /** Data that awaits the flow-control windows, and how much of the first chunk is sent. */
  #queue: Uint8Array[] | undefined;
  #sent = 0;
  /** The end, with these trailers or this error, follows the queue. */
  #isEnding = false;
  #trailers: readonly string[] | undefined;
  #breakCode: number | undefined;
  #isLocalOpen: boolean;
  #isRemoteOpen: boolean;
  #isClosed = false;
  #isComplete = false;
  /** Bytes of the body that were sent, and the batch of frames with the last of them. */
  #sentBytes = 0;
  #batch = 0;
  /** What has arrived of the body. */
  #received = 0;
  #isPaused = false;
  /** Bytes that arrived while paused, and those of the present frame. */
  #unread = 0;
  #frameLength = 0;

  constructor(
    id: number,
    isLocalOpen: boolean,
    isRemoteOpen: boolean,
    windows: StreamWindows,
    owner: StreamOwner<Stream>,
  ) {
    this.id = id;
    this.#isLocalOpen = isLocalOpen;
    this.#isRemoteOpen = isRemoteOpen;
    this.sendWindow = new SendWindow(windows.send);
    this.#receiveWindow = new ReceiveWindow(windows.receive);
    this.#owner = owner;
    this.outbox = owner.outbox;
  }

  protected abstract readonly handler: StreamHandler;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether this side's message is incomplete. */
  get isLocalOpen(): boolean {
    return this.#isLocalOpen;
  }

  /** Whether this side's message was sent to its end. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get hasQueued(): boolean {
    return this.#queue !== undefined;
  }

  /** Bytes of the body that were sent. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Whether bytes of the body wait for the peer. */
  get isHeldUp(): boolean {
    return this.#queue !== undefined || this.#batch > this.outbox.writtenBatch;
  }

  /** Sends or keeps a chunk. Returns `false` if it is kept; `drained` follows. */
  write(chunk: Uint8Array): boolean {
    if (!this.#isLocalOpen || this.#isEnding) return false;
    if (chunk.length === 0) return this.#queue === undefined;
    if (this.#queue === undefined) {
      const sent = this.#send(chunk, 0);
      if (sent === chunk.length) return true;
      this.#queue = [chunk];
      this.#sent = sent;
      this.outbox.waits(this);
    } else this.#queue.push(chunk);
    return false;
  }

  /** Ends this side's message, once all data is sent. */
  end(trailers?: readonly string[]): void {
    if (!this.#isLocalOpen || this.#isEnding) return;
    this.#isEnding = true;
    this.#trailers = trailers;
    if (this.#queue === undefined) this.#end();
  }

  /** Breaks this side's message off with an error code, once all data is sent. */
  breakOff(code: number): void {
    if (!this.#isLocalOpen || this.#isEnding) return;
    this.#isEnding = true;
    this.#breakCode = code;
    if (this.#queue === undefined) this.#end();
  }

  /** Sends what the windows allow of the first chunk in the queue. */
  flush(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    const chunk = queue[0] as Uint8Array;
    this.#sent = this.#send(chunk, this.#sent);
    if (this.#sent < chunk.length) return;
    queue.shift();
    this.#sent = 0;
    if (queue.length > 0) return;
    this.#queue = undefined;
    if (this.#isEnding) this.#end();
    else this.handler.drained();
  }

  /** Continues after `data` has returned `false`. */
  resume(): void {
    this.#isPaused = false;
    this.#takeUnread();
  }

  /** Closes the stream with an error code (RFC 9113, 6.4). */
  reset(code: number): void {
    this.#fail(code, undefined);
  }

  /** Closes the stream without telling the peer. */
  close(error: Error | undefined, isProcessed = true): void {
    this.#close(error, isProcessed, false);
  }

  /** The peer reset the stream. */
  wasReset(code: number): void {
    this.close(new StreamReset(code));
  }

  /** A DATA frame begins. */
  dataBegins(length: number): void {
    this.#frameLength = length;
    if (!this.#isRemoteOpen) this.#fail(errorCode.streamClosed, lateFrame());
    else if (!this.hasHead) this.malformed("sequence", "DATA before the header fields");
    else if (!this.#receiveWindow.receive(length))
      this.#fail(errorCode.flowControlError, new Error("DATA exceeds the window of its stream"));
  }

  data(piece: Buffer): void {
    this.#received += piece.length;
    if (this.announced !== undefined && this.#received > this.announced)
      this.malformed("body-too-long", "the body is longer than its Content-Length");
    else if (!this.handler.data(piece)) this.#isPaused = true;
  }

  dataEnds(isLast: boolean): void {
    this.#unread += this.#frameLength;
    if (isLast) this.ended();
    if (!this.#isPaused) this.#takeUnread();
  }

  /** An error of this stream alone (RFC 9113, 5.4.2). */
  fail(code: number, message: string): void {
    this.#fail(code, new Error(message));
  }

  /** Checks a header block that is not to be refused. Returns whether its content may be looked at. */
  protected accepts({ fault }: FieldBlock): boolean {
    if (!this.#isRemoteOpen) this.#fail(errorCode.streamClosed, lateFrame());
    else if (fault !== undefined) this.#fail(errorCode.protocolError, fault);
    else return true;
    return false;
  }

  protected onTrailers(hasPseudoFields: boolean, fields: readonly string[], isLast: boolean): void {
    if (!isLast) return this.malformed("sequence", "header fields in the middle of the body");
    if (hasPseudoFields) return this.malformed("pseudo-fields", "pseudo-header field in trailers");
    this.handler.trailers(fields);
    this.ended();
  }

  /** The peer's message is complete. */
  protected ended(): void {
    if (this.#isClosed || this.isTooShort()) return;
    this.#isRemoteOpen = false;
    this.handler.completed();
    if (!this.#isLocalOpen) this.close(undefined);
  }

  /** Fails the stream if the peer's body is shorter than announced. */
  protected isTooShort(): boolean {
    if (this.announced === undefined || this.#received >= this.announced) return false;
    this.malformed("body-too-short", "the body is shorter than its Content-Length");
    return true;
  }

  protected malformed(reason: MalformedMessage["reason"], message: string): void {
    this.#fail(errorCode.protocolError, new MalformedMessage(reason, message));
  }

  /** This side's message is complete. */
  protected localEnded(): void {
    this.#isLocalOpen = false;
    this.#isComplete = true;
    this.#batch = this.outbox.batch;
    if (!this.#isRemoteOpen) this.close(undefined);
  }

  /** Returns where the rest begins, which the windows do not allow yet. */
  #send(chunk: Uint8Array, from: number): number {
    const end = this.outbox.data(this, chunk, from);
    if (end === from) return end;
    this.#sentBytes += end - from;
    this.#batch = this.outbox.batch;
    return end;
  }

  #end(): void {
    if (this.#breakCode !== undefined) return this.reset(this.#breakCode);
    this.outbox.end(this.id, this.#trailers);
    this.localEnded();
  }

  #takeUnread(): void {
    const length = this.#unread;
    if (length === 0) return;
    this.#unread = 0;
    this.#owner.consumed(length);
    if (!this.#isRemoteOpen) return;
    const increment = this.#receiveWindow.take(length);
    if (increment > 0) this.outbox.writer.windowUpdate(this.id, increment);
  }

  #fail(code: number, error: Error | undefined): void {
    if (this.#isClosed) return;
    if (error !== undefined) this.#owner.faulted();
    this.outbox.writer.reset(this.id, code);
    this.#close(error, true, true);
  }

  #close(error: Error | undefined, isProcessed: boolean, isReset: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isLocalOpen = false;
    this.#isRemoteOpen = false;
    this.#queue = undefined;
    this.#takeUnread();
    this.#owner.gone(this, isReset);
    this.handler.closed(error, isProcessed);
  }
}

function lateFrame(): Error {
  return Object.assign(new Error("frame after the end of the stream"), { code: "STREAM_CLOSED" });
}
