import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Body, BodyFlow, BodySink, HttpHeaders } from "@pagoda/http";
import { mayTrail } from "@pagoda/http/grammar";
import { checkedFields } from "./response-head.ts";

/** Sends the body of a response as it arrives, with Node's backpressure. */
export class ResponseSink implements BodySink {
  readonly #response: ServerResponse;
  readonly #defect: (cause: unknown) => void;
  /** Bytes still to come, if announced. */
  #left: number;
  #flow: BodyFlow | undefined;

  /**
   * @param length The announced length.
   * @param defect Called when the body contradicts the head that was sent, or cannot be sent.
   */
  constructor(response: ServerResponse, length: number | undefined, defect: (cause: unknown) => void) {
    this.#response = response;
    this.#left = length ?? Infinity;
    this.#defect = defect;
  }

  /** @throws TypeError if the body was already read. */
  pipe(body: Body): void {
    this.#response.on("drain", () => this.#flow?.resume());
    this.#flow = body.pipe(this);
  }

  write(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return true;
    this.#left -= chunk.length;
    if (this.#left >= 0) return this.#response.write(chunk);
    this.#defect(new RangeError("the response body is longer than its Content-Length"));
    return false;
  }

  end(trailers: HttpHeaders): void {
    if (this.#left > 0 && this.#left !== Infinity)
      return this.#defect(new RangeError("the response body is shorter than its Content-Length"));
    try {
      const sent = [...trailers].filter(([name]) => mayTrail(name));
      checkedFields(sent.flat());
      // Node drops them where there is no chunked coding.
      this.#response.addTrailers(sent as [string, string][]);
      this.#response.end();
    } catch (cause) {
      this.#defect(cause);
    }
  }

  fail(): void {
    breakOff(this.#response, this.isDelimited);
  }

  get isDelimited(): boolean {
    return this.#left !== Infinity || this.#response.chunkedEncoding;
  }

  /** The client is gone. */
  closed(reason: unknown): void {
    // After a complete response, cancelling does nothing.
    this.#flow?.cancel(reason);
  }
}

/**
 * Ends the connection after what was written, so that the client sees the response break off.
 *
 * @param isDelimited The response has a length or chunks. Any other one is over when its connection
 * is: after a clean end it would look complete, so the connection is reset.
 */
export function breakOff(response: ServerResponse, isDelimited: boolean): void {
  const { socket } = response;
  // It waits for the responses before it, or a framework's test client has no real socket.
  if (socket === null || !("resetAndDestroy" in socket)) return void response.destroy();
  socket.write("", () => {
    if (isDelimited) socket.destroy();
    else reset(socket);
  });
}

function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // Only TCP has resets. TLS ends without its closing alert, which clients notice.
    socket.destroy();
  }
}
