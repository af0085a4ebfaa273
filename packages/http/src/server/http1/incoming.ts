import type { IncomingMessage, ServerResponse } from "node:http";
import { StreamBody } from "../../stream-body.ts";

/**
 * The body of a request on its way in. A client that waits for `100 Continue` gets it when the body is first
 * wanted: whoever answers without reading spares it the upload.
 */
export class IncomingBody extends StreamBody {
  readonly #message: IncomingMessage;
  readonly #refuse: (message: IncomingMessage) => void;
  #continueOn: ServerResponse | undefined;

  /**
   * @param refuse Refuses a message with too many trailers.
   * @param continueOn The response whose client waits for `100 Continue`; absent when it does not.
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

  /** Destroying the message would take the connection with it, and the response could not be sent any more. */
  protected override discard(): void {
    const message = this.#message;
    // Once the response is out, what still comes is read and thrown away: see `Connection`.
    if (message.socket.writableEnded) message.resume();
    else message.pause();
  }
}
