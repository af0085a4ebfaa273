import type { Socket } from "node:net";
import { type Body, emptyBody, HttpHeaders } from "@pagoda/http";
import type { Call } from "./call.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { type TunnelHandler, TunnelUpload } from "./tunnel-upload.ts";
import { Unsendable } from "./unsendable.ts";
import { Upload, type UploadHandler } from "./upload.ts";

/** How long to wait for an answer to `Expect: 100-continue` before the body is sent anyway. */
const continueMs = 1_000;
/**
 * Bodies up to this size are written together with the head: two writes cost more than the copy.
 */
const maxTogether = 16_384;

/** Callbacks of a {@link RequestWriter}. */
export interface RequestWriterHandler extends UploadHandler, TunnelHandler {
  /** Nothing more can be written. */
  readonly isGone: boolean;
}

/** Writes the requests of a connection to its socket, one after the other. */
export class RequestWriter {
  readonly #socket: Socket;
  readonly #limits: ConnectionLimits;
  readonly #handler: RequestWriterHandler;
  #upload: Upload | TunnelUpload | undefined;

  /** @param limits Of the connection, which clears them when a response comes. */
  constructor(socket: Socket, limits: ConnectionLimits, handler: RequestWriterHandler) {
    this.#socket = socket;
    this.#limits = limits;
    this.#handler = handler;
  }

  get isTunnel(): boolean {
    return this.#upload instanceof TunnelUpload;
  }

  /** Writes the head of a call's request, and its body unless that has to wait. */
  send(call: Call): void {
    const { head } = call;
    const body = bodyBefore(call);
    if (body === undefined) {
      this.#socket.write(head.text, "latin1");
      return this.#handler.sent();
    }
    if (head.expectsContinue) {
      this.#socket.write(head.text, "latin1");
      this.#limits.run(continueMs, () => this.#start(call));
      return;
    }
    try {
      const whole = body.take();
      if (whole !== undefined) return this.#sendWhole(head.text, whole, head.framing);
    } catch (cause) {
      // An observer of the body threw.
      return call.defect(cause);
    }
    this.#socket.cork();
    this.#socket.write(head.text, "latin1");
    this.#start(call);
    if (!this.#handler.isGone) this.#socket.uncork();
  }

  /** The origin wants the body of a request that expects `100 Continue`. */
  continued(call: Call): void {
    if (call.head.expectsContinue && this.#upload === undefined) this.#start(call);
  }

  /** Returns what copies the client's side of a tunnel. It is to begin when the caller has its response. */
  openTunnel(): TunnelUpload {
    const upload = new TunnelUpload(this.#socket, this.#handler);
    this.#upload = upload;
    return upload;
  }

  /** Whether the whole request was sent, apart from a tunnel. */
  isGiven({ head }: Call): boolean {
    return this.#upload === undefined ? !head.expectsContinue : this.#upload.over;
  }

  drained(): void {
    this.#upload?.drained();
  }

  /** Cancels the rest of the body. */
  stop(reason: Error): void {
    this.#upload?.stop(reason);
  }

  /** Forgets the request, all of which was sent. */
  reset(): void {
    this.#upload = undefined;
  }

  #sendWhole(text: string, whole: Uint8Array, framing: number | "chunked"): void {
    const { length } = whole;
    if (framing !== "chunked" && framing !== length)
      return this.#handler.failed(
        new Unsendable(`Content-Length is ${framing} but the body has ${length} bytes`),
      );
    if (length > maxTogether) {
      this.#upload = new Upload(this.#socket, framing, this.#handler);
      this.#socket.cork();
      this.#socket.write(text, "latin1");
      this.#upload.write(whole);
      this.#upload.end(HttpHeaders.empty);
      return this.#socket.uncork();
    }
    const before = framing === "chunked" && length > 0 ? `${length.toString(16)}\r\n` : "";
    const end = framing === "chunked" ? `${before && "\r\n"}0\r\n\r\n` : "";
    const bytes = length === 0 ? "" : Buffer.from(whole.buffer, whole.byteOffset, length).toString("latin1");
    this.#socket.write(text + before + bytes + end, "latin1");
    this.#handler.sent();
  }

  #start(call: Call): void {
    this.#limits.clear();
    this.#upload = new Upload(this.#socket, call.head.framing, this.#handler);
    this.#upload.begin(bodyBefore(call) ?? emptyBody);
  }
}

/** The body that is sent with the head; that of a tunnel waits until the tunnel is open. */
function bodyBefore({ head, request }: Call): Body | undefined {
  return head.tunnel === undefined ? request.body : request.upgradeContent;
}
