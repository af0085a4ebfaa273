import type { Body, BodyBroken } from "@pagoda/http";
import type { ClientStream } from "@pagoda/http/http2";
import type { Deadline, Deadlines, Expiring } from "../deadlines.ts";
import { timedOut } from "../faults.ts";
import { Limit } from "../limit.ts";
import { TunnelUpload } from "../tunnel-upload.ts";
import type { RequestFields } from "./request-fields.ts";
import { Upload, type UploadHandler } from "./upload.ts";

/** How long to wait for an answer to `Expect: 100-continue` before the body is sent anyway. */
const continueMs = 1_000;

/** The time limit of the response headers. */
export interface HeadersLimit {
  readonly headersTimeoutMs: number;
  /** Absent for no limit. */
  readonly deadlines: Deadlines | undefined;
}

/** Callbacks of a {@link RequestSender}. */
export interface SenderHandler {
  /** The response headers are no longer awaited. */
  readonly isSettled: boolean;
  /** Data was sent. */
  passed(): void;
  /** The request cannot be completed. */
  failed(error: Error | BodyBroken): void;
  /** No response headers in time. */
  timedOut(error: Error): void;
}

/** Sends the body of a request on a stream, and limits the time until the response headers. */
export class RequestSender implements UploadHandler, Expiring {
  readonly #head: RequestFields;
  readonly #limit: HeadersLimit;
  readonly #handler: SenderHandler;
  #upload: Upload | TunnelUpload | undefined;
  #deadline: Deadline | undefined;
  #continue: Limit | undefined;

  constructor(head: RequestFields, limit: HeadersLimit, handler: SenderHandler) {
    this.#head = head;
    this.#limit = limit;
    this.#handler = handler;
  }

  get isTunnel(): boolean {
    return this.#upload instanceof TunnelUpload;
  }

  /** The head has been sent. */
  start(stream: ClientStream, body: Body): void {
    const { bodiless, expectsContinue, isTunnel } = this.#head;
    if (bodiless || isTunnel) this.sent();
    else if (expectsContinue)
      (this.#continue ??= new Limit()).run(continueMs, () => this.#begin(stream, body));
    else this.#begin(stream, body);
  }

  /** The origin wants the body of a request that expects `100 Continue`. */
  continued(stream: ClientStream, body: Body): void {
    if (this.#head.expectsContinue && this.#upload === undefined) this.#begin(stream, body);
  }

  /** Copies the client's side of a tunnel, once the response has opened it. */
  openTunnel(stream: ClientStream, body: Body): void {
    this.#upload = new TunnelUpload(stream, this.#handler);
    this.#upload.begin(body);
  }

  drained(): void {
    this.#upload?.drained();
  }

  /**
   * Cancels the rest of the body, if there is one.
   *
   * @param reason An error, or the message of one: making it costs more than the rest of a call.
   */
  stop(reason: Error | string): void {
    this.#upload?.stop(typeof reason === "string" ? new Error(reason) : reason);
  }

  /** Forgets what was sent, which is to be sent again. */
  reset(): void {
    this.clear();
    this.#upload = undefined;
  }

  /** Ends the time limits. */
  clear(): void {
    this.#continue?.clear();
    if (this.#deadline !== undefined) this.#limit.deadlines?.remove(this.#deadline);
    this.#deadline = undefined;
  }

  passed(): void {
    this.#handler.passed();
  }

  failed(error: Error | BodyBroken): void {
    this.#handler.failed(error);
  }

  /** An origin that does not read the request has as long as one that does not answer. */
  blocked(isBlocked: boolean): void {
    if (isBlocked) this.sent();
    else this.clear();
  }

  /** The whole request was sent: starts the timeout of the response headers. */
  sent(): void {
    const { deadlines } = this.#limit;
    if (this.#handler.isSettled || deadlines === undefined) return;
    this.clear();
    this.#deadline = deadlines.add(this);
  }

  expired(isLocal: boolean): void {
    this.#deadline = undefined;
    this.#handler.timedOut(timedOut("HEADERS_TIMEOUT", this.#limit.headersTimeoutMs, isLocal));
  }

  #begin(stream: ClientStream, body: Body): void {
    this.clear();
    const upload = new Upload(stream, this.#head.length, this);
    this.#upload = upload;
    upload.begin(body);
  }
}
