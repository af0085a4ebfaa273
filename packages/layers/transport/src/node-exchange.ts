import type { ClientRequest, IncomingMessage } from "node:http";
import { aborted, systemClock, type Timer } from "@pagoda/core";
import {
  type BodyBroken,
  type BodyFlow,
  type BodySink,
  HttpHeaders,
  type HttpRequest,
} from "@pagoda/core/http";
import { left, right } from "fp-ts/lib/Either.js";
import type { Origin, Result } from "./exchange.ts";
import { coded, faultOf, uploadBroken } from "./faults.ts";
import { nodeResponse } from "./node-response.ts";
import { unreadable } from "./upload.ts";

/** How long an origin may say nothing to `Expect: 100-continue` before the body is sent anyway. */
const continueMs = 1_000;

export interface NodeOrigin extends Origin {
  readonly secure: boolean;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** What a call of this client is made with. */
export interface NodeCall {
  readonly request: HttpRequest;
  readonly signal: AbortSignal | undefined;
  /** Takes the result: once. */
  readonly settle: (result: Result) => void;
  /** The connection is free again, or gone: once. */
  readonly over: () => void;
}

/**
 * One request and its response over Node's client.
 *
 * It goes through these states: connecting, waiting for `100 Continue` where the request expects it, uploading,
 * waiting for the response, answered (the result is settled), over. Each but the uploading has its time limit;
 * that has one while the origin takes nothing.
 */
export class NodeExchange implements BodySink {
  readonly #origin: NodeOrigin;
  readonly #call: NodeCall;
  readonly #out: ClientRequest;
  /** Bytes that the request still has to bring, where it announced them. */
  #left: number | undefined;
  #connected = false;
  #uploading = false;
  #settled = false;
  #flow: BodyFlow | undefined;
  #timer: Timer | undefined;

  constructor(origin: NodeOrigin, call: NodeCall, out: ClientRequest) {
    this.#origin = origin;
    this.#call = call;
    this.#out = out;
    const { headers, body } = call.request;
    const length = headers.get("content-length");
    this.#left = length === undefined ? body.length : Number(length);
  }

  begin(): void {
    const out = this.#out;
    this.#call.signal?.addEventListener("abort", this.#onAbort);
    this.#limit(this.#origin.connectTimeoutMs, "UND_ERR_CONNECT_TIMEOUT");
    out.on("socket", (socket) => {
      if (!socket.connecting) this.#onConnected();
      else socket.once(this.#origin.secure ? "secureConnect" : "connect", () => this.#onConnected());
    });
    out.on("continue", () => this.#upload());
    out.on("information", ({ statusCode, rawHeaders }) => {
      if (statusCode === 100) return;
      this.#call.request.onInformation?.(statusCode, new HttpHeaders(rawHeaders));
    });
    out.on("response", (message) => this.#onResponse(message));
    out.on("drain", () => {
      this.#clear();
      this.#flow?.resume();
    });
    out.on("error", (error) => this.#fail(error));
    out.on("close", () => {
      // Of a response that would change the protocol Node tells nothing else.
      if (!this.#settled) this.#fail(coded("UND_ERR_SOCKET", "closed without a response"));
      this.#flow?.cancel(new Error("the request is over"));
      this.#call.over();
    });
    out.flushHeaders();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#left !== undefined) {
      if (chunk.length > this.#left) return this.#mismatch();
      this.#left -= chunk.length;
    }
    if (this.#out.write(chunk)) return true;
    this.#limit(this.#origin.headersTimeoutMs, "UND_ERR_HEADERS_TIMEOUT");
    return false;
  }

  end(trailers: HttpHeaders): void {
    if (this.#left !== undefined && this.#left > 0) return void this.#mismatch();
    this.#limit(this.#origin.headersTimeoutMs, "UND_ERR_HEADERS_TIMEOUT");
    if (trailers.size > 0) this.#out.addTrailers([...trailers] as [string, string][]);
    this.#out.end();
  }

  fail(fault: BodyBroken): void {
    this.#finish(left(uploadBroken(fault)));
    this.#out.destroy();
  }

  #onConnected(): void {
    this.#connected = true;
    this.#clear();
    if (this.#call.request.headers.get("expect")?.toLowerCase() !== "100-continue") return this.#upload();
    this.#timer = systemClock.setTimer(continueMs, () => this.#upload());
  }

  #upload(): void {
    if (this.#uploading) return;
    this.#uploading = true;
    this.#clear();
    try {
      this.#flow = this.#call.request.body.pipe(this);
    } catch (error) {
      this.#out.destroy(unreadable(error));
    }
  }

  #onResponse(message: IncomingMessage): void {
    const { statusCode = 0 } = message;
    if (statusCode < 200) this.#out.destroy(coded("HPE_INVALID_STATUS", `status ${statusCode}`));
    else this.#finish(right(nodeResponse(message, this.#out, this.#origin)));
  }

  readonly #onAbort = (): void => {
    this.#finish(left(aborted(this.#call.signal as AbortSignal)));
    this.#out.destroy();
  };

  #fail(error: Error): void {
    this.#finish(left(faultOf(error, { ...this.#origin, connected: this.#connected })));
  }

  #mismatch(): false {
    const text = "the body is not as long as its Content-Length says";
    this.#out.destroy(coded("UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", text));
    return false;
  }

  #finish(result: Result): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#clear();
    this.#call.signal?.removeEventListener("abort", this.#onAbort);
    this.#call.settle(result);
  }

  /** Ends the request with an error of that code when nothing clears it before. After the response nothing does. */
  #limit(ms: number, code: string): void {
    this.#clear();
    if (ms === 0 || this.#settled) return;
    const text = `no answer of ${this.#origin.upstream} in time`;
    this.#timer = systemClock.setTimer(ms, () => this.#out.destroy(coded(code, text)));
  }

  #clear(): void {
    if (this.#timer !== undefined) systemClock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
