import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Body, BodyBroken, BodyFlow, BodySink } from "@pagoda/http";
import { Unsendable } from "./unsendable.ts";

/** Callbacks of a {@link TunnelUpload}. */
export interface TunnelHandler {
  /** Data was sent to the origin. */
  passed(): void;
  /** The client's side broke. */
  failed(error: Error | BodyBroken): void;
}

/** A socket or stream. */
interface Target {
  /** Returns `false` if data waits; `drained` must be called when there is room again. */
  write(chunk: Uint8Array): boolean;
  end(): unknown;
}

/**
 * Copies the client's side of a tunnel to the origin, with backpressure. The client's end ends this
 * direction only; the origin's may continue.
 */
export class TunnelUpload implements BodySink {
  readonly #stream: Target;
  readonly #handler: TunnelHandler;
  #flow: BodyFlow | undefined;
  #over = false;

  constructor(stream: Target, handler: TunnelHandler) {
    this.#stream = stream;
    this.#handler = handler;
  }

  get over(): boolean {
    return this.#over;
  }

  begin(body: Body): void {
    try {
      const flow = body.pipe(this);
      // It may already have been stopped while piping the first chunks.
      if (this.#over) flow.cancel();
      else this.#flow = flow;
    } catch (error) {
      this.#over = true;
      this.#handler.failed(new Unsendable((error as Error).message, { cause: error }));
    }
  }

  /** The stream accepts data again. */
  drained(): void {
    if (!this.#over) this.#flow?.resume();
  }

  /** Cancels the rest. */
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
 * Signals that a tunnel broke. A closed connection would look like a regular end, so TCP requires a
 * reset. With TLS the missing close notification is enough.
 */
export function reset(socket: Socket): void {
  if (!(socket instanceof TLSSocket)) socket.resetAndDestroy();
}
