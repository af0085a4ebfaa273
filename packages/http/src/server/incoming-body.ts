import { bodyBroken } from "../body.ts";
import type { HttpHeaders } from "../headers.ts";
import { PushBody } from "../push-body.ts";

/** The connection on which a body arrives. */
export interface BodySource {
  /** The body is read now: a client that waits for `100 Continue` gets it. */
  bodyWanted(): void;
  pause(): void;
  resume(): void;
  /** The rest of the body is not wanted. */
  bodyDropped(): void;
}

/** The body of a request, or the client's side of a tunnel. */
export class IncomingBody extends PushBody {
  readonly length: number | undefined;
  /** The reader does not want the rest. */
  isCancelled = false;
  /** Anything has arrived. */
  hasBegun = false;
  /** It has arrived completely, or broken off. */
  hasEnded = false;
  readonly #source: BodySource;

  constructor(source: BodySource, length: number | undefined) {
    super();
    this.#source = source;
    this.length = length;
  }

  /** Passes on what has arrived. */
  arrived(chunk: Uint8Array): void {
    this.hasBegun = true;
    if (!this.push(this.waits ? chunk : compact(chunk)) && this.open) this.#source.pause();
  }

  completed(trailers: HttpHeaders): void {
    this.hasEnded = true;
    this.finish(trailers);
  }

  breakOff(cause: unknown): void {
    this.hasEnded = true;
    this.broken(bodyBroken(cause));
  }

  override take(): Uint8Array | undefined {
    const whole = super.take();
    if (whole !== undefined) this.#source.bodyWanted();
    return whole;
  }

  protected override started(): void {
    this.#source.bodyWanted();
  }

  protected goOn(): void {
    this.#source.resume();
  }

  protected stop(): void {
    this.isCancelled = true;
    this.#source.bodyDropped();
  }
}

/**
 * A small piece that is kept must not keep everything that was read with it, nor a buffer of Node's
 * pool.
 */
function compact(piece: Uint8Array): Uint8Array {
  return piece.length * 4 < piece.buffer.byteLength ? new Uint8Array(piece) : piece;
}
