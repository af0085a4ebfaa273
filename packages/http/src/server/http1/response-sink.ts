import type { Body, BodyFlow, BodySink, Loan } from "../../body.ts";
import { mayTrail } from "../../grammar/trailers.ts";
import type { HttpHeaders } from "../../headers.ts";
import { type Backlog, Held } from "../backlog.ts";
import { fieldLines } from "./field-lines.ts";
import type { Outgoing } from "./outgoing.ts";

/** Sends the body of a response as it arrives. */
export class ResponseSink implements BodySink {
  readonly #out: Outgoing;
  readonly #isChunked: boolean;
  readonly #held: Held;
  readonly #defect: (cause: unknown) => void;
  /** Bytes still to come, if announced. */
  #left: number;
  #flow: BodyFlow | undefined;

  /**
   * @param length The announced length.
   * @param defect Called when the body contradicts the head that was sent, or cannot be sent.
   */
  constructor(
    out: Outgoing,
    isChunked: boolean,
    length: number | undefined,
    backlog: Backlog,
    defect: (cause: unknown) => void,
  ) {
    this.#out = out;
    this.#isChunked = isChunked;
    this.#held = new Held(backlog, length);
    this.#defect = defect;
    this.#left = length ?? Infinity;
  }

  /** @throws TypeError if the body was already read. */
  pipe(body: Body): void {
    this.#flow = body.pipe(this);
  }

  write(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return true;
    this.#left -= chunk.length;
    if (this.#left < 0) {
      this.#defect(new RangeError("the response body is longer than its Content-Length"));
      return false;
    }
    const out = this.#out;
    return this.#held.wrote(chunk.length, this.#isChunked ? out.writeChunk(chunk) : out.write(chunk));
  }

  writeLent(chunk: Uint8Array, loan: Loan): boolean {
    const wantsMore = this.write(chunk);
    if (this.#out.isWaiting) loan.keep();
    return wantsMore;
  }

  end(trailers: HttpHeaders): void {
    if (this.#left > 0 && this.#left !== Infinity) {
      this.#defect(new RangeError("the response body is shorter than its Content-Length"));
      return;
    }
    try {
      this.#out.end(this.#isChunked ? lastChunk(trailers) : "");
    } catch (cause) {
      this.#defect(cause);
    }
  }

  fail(): void {
    this.#out.cut();
  }

  /** The client has taken what was written. */
  drained(): void {
    this.#held.clear();
    this.#flow?.resume();
  }

  /** The client is gone. */
  closed(): void {
    this.#held.clear();
    // After a complete response, cancelling does nothing.
    this.#flow?.cancel(new Error("the client closed the request"));
  }
}

/**
 * The end of a chunked body (RFC 9112, 7.1.2).
 *
 * @throws TypeError for a trailer that cannot be sent.
 */
function lastChunk(trailers: HttpHeaders): string {
  return `0\r\n${fieldLines(trailers, mayTrail)}\r\n`;
}
