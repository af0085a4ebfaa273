import { errorCode, MalformedMessage, StreamReset } from "./error-codes.ts";
import { ReceiveWindow, SendWindow } from "./flow-control.ts";
import type { Outbox, Sender } from "./outbox.ts";
import type { ResponseFields } from "./response-fields.ts";

/** Receives what happens on a stream. No call follows `closed`. */
export interface ClientStreamHandler {
  /** An informational response (1xx). */
  informed(status: number, fields: readonly string[]): void;
  /**
   * The head of the response.
   *
   * @param length Value of Content-Length.
   * @param isLast The response ends with it, and `completed` follows.
   */
  responded(status: number, fields: string[], length: number | undefined, isLast: boolean): void;
  /** A piece of the body. Returns `false` to pause until `resume`. */
  data(piece: Buffer): boolean;
  trailers(fields: readonly string[]): void;
  /** The response is complete. */
  completed(): void;
  /** What `write` has kept is sent, and there is room again. */
  drained(): void;
  /**
   * The stream is over: complete, or reset by this side, or broken by an error.
   *
   * @param isProcessed `false` if the peer states that it has not acted on the request.
   */
  closed(error: Error | undefined, isProcessed: boolean): void;
}

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly outbox: Outbox;
  /** The stream is closed. `isReset`: by this side, so the peer may still send frames. */
  gone(stream: ClientStream, isReset: boolean): void;
}

/** One request and its response on a connection (RFC 9113, 5.1). */
export class ClientStream implements Sender {
  readonly id: number;
  readonly sendWindow: SendWindow;
  readonly #receiveWindow: ReceiveWindow;
  readonly #owner: StreamOwner;
  readonly #outbox: Outbox;
  readonly #handler: ClientStreamHandler;
  readonly #method: string;
  /** Data that awaits the flow-control windows, and how much of the first chunk is sent. */
  #queue: Uint8Array[] | undefined;
  #sent = 0;
  /** The end, with these trailers, follows the queue. */
  #isEnding = false;
  #trailers: readonly string[] | undefined;
  #isLocalOpen: boolean;
  #isRemoteOpen = true;
  #isClosed = false;
  #hasResponse = false;
  /** Length that the response announces, and what has arrived of it. */
  #announced: number | undefined;
  #received = 0;
  #isPaused = false;
  /** Bytes that arrived while paused, and those of the present frame. */
  #unread = 0;
  #frameLength = 0;

  constructor(
    id: number,
    method: string,
    isLast: boolean,
    windows: { readonly send: number; readonly receive: number },
    owner: StreamOwner,
    handler: ClientStreamHandler,
  ) {
    this.id = id;
    this.#method = method;
    this.#isLocalOpen = !isLast;
    this.sendWindow = new SendWindow(windows.send);
    this.#receiveWindow = new ReceiveWindow(windows.receive);
    this.#owner = owner;
    this.#outbox = owner.outbox;
    this.#handler = handler;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the request is incomplete. */
  get isLocalOpen(): boolean {
    return this.#isLocalOpen;
  }

  get hasQueued(): boolean {
    return this.#queue !== undefined;
  }

  /** Sends or keeps a chunk. Returns `false` if it is kept; `drained` follows. */
  write(chunk: Uint8Array): boolean {
    if (!this.#isLocalOpen || this.#isEnding) return false;
    if (chunk.length === 0) return this.#queue === undefined;
    if (this.#queue === undefined) {
      const sent = this.#outbox.data(this, chunk, 0);
      if (sent === chunk.length) return true;
      this.#queue = [chunk];
      this.#sent = sent;
      this.#outbox.waits(this);
    } else this.#queue.push(chunk);
    return false;
  }

  /** Ends the request, once all data is sent. */
  end(trailers?: readonly string[]): void {
    if (!this.#isLocalOpen || this.#isEnding) return;
    this.#isEnding = true;
    this.#trailers = trailers;
    if (this.#queue === undefined) this.#end();
  }

  /** Sends what the windows allow of the first chunk in the queue. */
  flush(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    const chunk = queue[0] as Uint8Array;
    this.#sent = this.#outbox.data(this, chunk, this.#sent);
    if (this.#sent < chunk.length) return;
    queue.shift();
    this.#sent = 0;
    if (queue.length > 0) return;
    this.#queue = undefined;
    if (this.#isEnding) this.#end();
    else this.#handler.drained();
  }

  /** Continues after `data` has returned `false`. */
  resume(): void {
    this.#isPaused = false;
    const unread = this.#unread;
    this.#unread = 0;
    if (unread > 0) this.#take(unread);
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

  /** A header block has arrived. Returns whether it carries a response or trailers. */
  headers(block: ResponseFields, isLast: boolean): boolean {
    const { fault, status, fields } = block;
    if (!this.#isRemoteOpen) this.#fail(errorCode.streamClosed, lateFrame());
    else if (fault !== undefined) this.#fail(errorCode.protocolError, fault);
    else if (this.#hasResponse) this.#onTrailers(status, fields, isLast);
    else if (status >= 200) this.#onResponse(block, isLast);
    else if (status === 0) this.#malformed("pseudo-fields", "response without a status");
    else if (isLast || status === 101) this.#malformed("status", `unexpected status ${status}`);
    else {
      this.#handler.informed(status, fields);
      return false;
    }
    return true;
  }

  /** A DATA frame begins. */
  dataBegins(length: number): void {
    this.#frameLength = length;
    if (!this.#isRemoteOpen) this.#fail(errorCode.streamClosed, lateFrame());
    else if (!this.#hasResponse) this.#malformed("sequence", "DATA before the header fields");
    else if (!this.#receiveWindow.receive(length))
      this.#fail(errorCode.flowControlError, new Error("DATA exceeds the window of its stream"));
  }

  data(piece: Buffer): void {
    this.#received += piece.length;
    if (this.#announced !== undefined && this.#received > this.#announced)
      this.#malformed("body-too-long", "the body is longer than its Content-Length");
    else if (!this.#handler.data(piece)) this.#isPaused = true;
  }

  dataEnds(isLast: boolean): void {
    if (isLast) this.#ended();
    else if (this.#isPaused) this.#unread += this.#frameLength;
    else this.#take(this.#frameLength);
  }

  /** An error of this stream alone (RFC 9113, 5.4.2). */
  fail(code: number, message: string): void {
    this.#fail(code, new Error(message));
  }

  #onResponse({ status, fields, contentLength }: ResponseFields, isLast: boolean): void {
    this.#hasResponse = true;
    if (this.#method === "HEAD" || status === 204 || status === 304) this.#announced = 0;
    // A tunnel has no length (RFC 9110, 9.3.6).
    else if (this.#method !== "CONNECT" || status >= 300) this.#announced = contentLength;
    if (isLast && this.#isTooShort) return this.#tooShort();
    this.#handler.responded(status, fields, contentLength, isLast);
    if (isLast) this.#ended();
  }

  #onTrailers(status: number, fields: readonly string[], isLast: boolean): void {
    if (!isLast) return this.#malformed("sequence", "header fields in the middle of the body");
    if (status !== 0) return this.#malformed("pseudo-fields", "status in trailers");
    this.#handler.trailers(fields);
    this.#ended();
  }

  #ended(): void {
    if (this.#isClosed) return;
    if (this.#isTooShort) return this.#tooShort();
    this.#isRemoteOpen = false;
    this.#handler.completed();
    if (!this.#isLocalOpen) this.close(undefined);
  }

  get #isTooShort(): boolean {
    return this.#announced !== undefined && this.#received < this.#announced;
  }

  #tooShort(): void {
    this.#malformed("body-too-short", "the body is shorter than its Content-Length");
  }

  #end(): void {
    this.#isLocalOpen = false;
    this.#outbox.end(this.id, this.#trailers);
    if (!this.#isRemoteOpen) this.close(undefined);
  }

  #take(length: number): void {
    if (!this.#isRemoteOpen) return;
    const increment = this.#receiveWindow.take(length);
    if (increment > 0) this.#outbox.writer.windowUpdate(this.id, increment);
  }

  #malformed(reason: MalformedMessage["reason"], message: string): void {
    this.#fail(errorCode.protocolError, new MalformedMessage(reason, message));
  }

  #fail(code: number, error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#outbox.writer.reset(this.id, code);
    this.#close(error, true, true);
  }

  #close(error: Error | undefined, isProcessed: boolean, isReset: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isLocalOpen = false;
    this.#isRemoteOpen = false;
    this.#queue = undefined;
    this.#owner.gone(this, isReset);
    this.#handler.closed(error, isProcessed);
  }
}

function lateFrame(): Error {
  return Object.assign(new Error("frame after the end of the stream"), { code: "STREAM_CLOSED" });
}
