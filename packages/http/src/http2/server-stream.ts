import type { Awaiting } from "./outbox.ts";
import type { RequestFields } from "./request-fields.ts";
import { Stream } from "./stream.ts";
import type { StreamHandler, StreamOwner, StreamWindows } from "./stream-owner.ts";

/** Receives what happens on a stream. No call follows `closed`. */
export interface ServerStreamHandler extends StreamHandler {
  /** The end of the response was sent; the request may be incomplete. */
  responseSent(): void;
}

/** One request and its response, as the server sees it. */
export class ServerStream extends Stream {
  /** Set by the receiver of the request. */
  handler!: ServerStreamHandler;

  constructor(id: number, windows: StreamWindows, owner: StreamOwner<Stream>) {
    super(id, true, true, windows, owner);
    this.hasHead = true;
  }

  /**
   * The head of the request was accepted: its body or end follows.
   *
   * @param length Value of Content-Length.
   */
  begin(length: number | undefined, isLast: boolean): void {
    this.announced = length;
    if (isLast) this.ended();
  }

  /** Sends an informational response (1xx). */
  inform(fields: readonly string[]): void {
    if (this.isLocalOpen) this.outbox.headers(this.id, fields, false);
  }

  /** Sends the head of the response, which is all of it if `isLast`. */
  respond(fields: readonly string[], isLast: boolean): void {
    if (!this.isLocalOpen) return;
    this.outbox.headers(this.id, fields, isLast);
    if (isLast) this.localEnded();
  }

  /** Calls `written` once the system has taken what was sent. */
  awaitWritten(awaiting: Awaiting): void {
    this.outbox.whenWritten(awaiting);
  }

  /** A header block has arrived after the head: trailers. */
  headers(block: RequestFields, isLast: boolean): void {
    if (this.accepts(block)) this.onTrailers(false, block.fields, isLast);
  }

  protected override localEnded(): void {
    super.localEnded();
    if (!this.isClosed) this.handler.responseSent();
  }
}
