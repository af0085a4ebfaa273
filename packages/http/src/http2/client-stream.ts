import type { ResponseFields } from "./response-fields.ts";
import { Stream } from "./stream.ts";
import type { StreamHandler, StreamOwner, StreamWindows } from "./stream-owner.ts";

/** Receives what happens on a stream. No call follows `closed`. */
export interface ClientStreamHandler extends StreamHandler {
  /** An informational response (1xx). */
  informed(status: number, fields: readonly string[]): void;
  /**
   * The head of the response.
   *
   * @param length Value of Content-Length.
   * @param isLast The response ends with it, and `completed` follows.
   */
  responded(status: number, fields: string[], length: number | undefined, isLast: boolean): void;
}

/** One request and its response, as the client sees it. */
export class ClientStream extends Stream {
  protected readonly handler: ClientStreamHandler;
  readonly #method: string;

  constructor(
    id: number,
    method: string,
    isLast: boolean,
    windows: StreamWindows,
    owner: StreamOwner<Stream>,
    handler: ClientStreamHandler,
  ) {
    super(id, !isLast, true, windows, owner);
    this.#method = method;
    this.handler = handler;
  }

  /** A header block has arrived. Returns whether it carries a response or trailers. */
  headers(block: ResponseFields, isLast: boolean): boolean {
    if (!this.accepts(block)) return true;
    const { status, fields } = block;
    if (this.hasHead) this.onTrailers(status !== 0, fields, isLast);
    else if (status >= 200) this.#onResponse(block, isLast);
    else if (status === 0) this.malformed("pseudo-fields", "response without a status");
    else if (isLast || status === 101) this.malformed("status", `unexpected status ${status}`);
    else {
      this.handler.informed(status, fields);
      return false;
    }
    return true;
  }

  #onResponse({ status, fields, contentLength }: ResponseFields, isLast: boolean): void {
    this.hasHead = true;
    if (this.#method === "HEAD" || status === 204 || status === 304) this.announced = 0;
    // A tunnel has no length (RFC 9110, 9.3.6).
    else if (this.#method !== "CONNECT" || status >= 300) this.announced = contentLength;
    if (isLast && this.isTooShort()) return;
    this.handler.responded(status, fields, contentLength, isLast);
    if (isLast) this.ended();
  }
}
