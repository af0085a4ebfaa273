import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Body, BodyBroken, BodyFlow, BodySink } from "@pagoda/http";
import { Unsendable } from "./unsendable.ts";

/** Whom it tells how it goes. */
export interface TunnelHandler {
  /** Something is on its way to the origin. */
  passed(): void;
  /** The client has broken off. */
  failed(error: Error | BodyBroken): void;
}

/**
 * What the client says in a tunnel, on its way to the origin: byte for byte, as fast as the origin takes it. The client's
 * end is passed on as this direction's end; the origin may go on.
 */
export class TunnelUpload implements BodySink {
  readonly #stream: Writable;
  readonly #handler: TunnelHandler;
  #flow: BodyFlow | undefined;
  #over = false;

  constructor(stream: Writable, handler: TunnelHandler) {
    this.#stream = stream;
    this.#handler = handler;
  }

  get over(): boolean {
    return this.#over;
  }

  begin(body: Body): void {
    try {
      const flow = body.pipe(this);
      // What the first pieces brought about may have stopped it already.
      if (this.#over) flow.cancel();
      else this.#flow = flow;
    } catch (error) {
      this.#over = true;
      this.#handler.failed(new Unsendable((error as Error).message, { cause: error }));
    }
  }

  /** The stream has room again. */
  drained(): void {
    if (!this.#over) this.#flow?.resume();
  }

  /** Nobody takes the rest. */
  stop(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#flow?.cancel(reason);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return false;
    if (chunk.length === 0) return true;
    this.#handler.passed();
    return this.#stream.write(chunk);
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.passed();
    this.#stream.end();
  }

  fail(fault: BodyBroken): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.failed(fault);
  }
}

/**
 * Says that a tunnel has broken. A connection that is closed looks like a side that has said all, so only a reset says it;
 * with TLS the word for a proper end is missing.
 */
export function reset(socket: Socket): void {
  if (!(socket instanceof TLSSocket)) socket.resetAndDestroy();
}
