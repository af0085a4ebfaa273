import type { IncomingMessage, ServerResponse } from "node:http";
import { StreamBody } from "@pagoda/http";

/** The body of a request that Node has parsed. */
export class RequestBody extends StreamBody {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #wasRead: boolean;

  constructor(request: IncomingMessage, response: ServerResponse) {
    const { "content-length": length } = request.headers;
    super(request, length === undefined ? undefined : Number(length));
    this.#request = request;
    this.#response = response;
    this.#wasRead = request.readableDidRead;
  }

  override get canRead(): boolean {
    return !this.#wasRead && super.canRead;
  }

  /** @throws TypeError if something else has read the stream, because the body would look empty. */
  protected override started(): void {
    if (this.#wasRead)
      throw new TypeError("the request body has already been read; call toNode before any body parser");
    super.started();
  }

  /**
   * The response shares the connection, so the rest is left unread until it has been sent, and
   * then discarded.
   */
  protected override discard(): void {
    if (!this.#response.writableFinished) this.#request.pause();
  }
}
