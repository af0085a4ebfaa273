import type { IncomingMessage, ServerResponse } from "node:http";
import { StreamBody } from "../../stream-body.ts";

/**
 * The body of a request. A client that waits for `100 Continue` gets it when the body is first
 * read, so a response without reading saves the upload.
 */
export class IncomingBody extends StreamBody {
  readonly #message: IncomingMessage;
  readonly #refuse: (message: IncomingMessage) => void;
  #continueOn: ServerResponse | undefined;

  /**
   * @param refuse Refuses a message with too many trailers.
   * @param continueOn The response, if its client waits for `100 Continue`.
   */
  constructor(
    message: IncomingMessage,
    length: number | undefined,
    refuse: (message: IncomingMessage) => void,
    continueOn: ServerResponse | undefined,
  ) {
    super(message, length);
    this.#message = message;
    this.#refuse = refuse;
    this.#continueOn = continueOn;
  }

  protected override started(): void {
    const response = this.#continueOn;
    this.#continueOn = undefined;
    if (response !== undefined && !response.headersSent) response.writeContinue();
    super.started();
  }

  protected override tooManyTrailers(): void {
    this.#refuse(this.#message);
    super.tooManyTrailers();
  }

  /** Keeps the message: destroying it would close the connection before the response is sent. */
  protected override discard(): void {
    const message = this.#message;
    // After the response, the rest of the body is read and discarded: see `Connection`.
    if (message.socket.writableEnded) message.resume();
    else message.pause();
  }
}
