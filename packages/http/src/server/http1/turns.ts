import type { Exchange } from "./exchange.ts";

/**
 * Maximum concurrent safe requests per connection. A browser opens no more connections than that.
 */
const maxAhead = 8;
/** RFC 9110, 9.2.1. */
const safe: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/**
 * Decides when pipelined requests start. Safe ones run together, up to a bound, so that one client
 * connection cannot take all connections of an origin. Any other request waits for those before it,
 * and those behind wait for it, since it may depend on what they change (RFC 9112, 9.3.2).
 */
export class Turns {
  readonly #running: Exchange[] = [];
  readonly #waiting: Exchange[] = [];

  add(exchange: Exchange): void {
    this.#waiting.push(exchange);
  }

  /** The latest request must not start, unless it has. */
  drop(exchange: Exchange): void {
    if (this.#waiting.at(-1) === exchange) this.#waiting.pop();
  }

  /** Starts the requests whose turn it is. */
  startNext(): void {
    let next = this.#waiting[0];
    while (next !== undefined && this.#hasRoomFor(next)) {
      this.#waiting.shift();
      this.#running.push(next);
      next.start();
      next = this.#waiting[0];
    }
  }

  /** The response was sent, or never will be. */
  over(exchange: Exchange): void {
    const at = this.#running.indexOf(exchange);
    if (at >= 0) this.#running.splice(at, 1);
    if (this.#waiting.length > 0) this.startNext();
  }

  /** The client is gone: waiting requests never start. */
  stop(): void {
    this.#waiting.length = 0;
  }

  #hasRoomFor(exchange: Exchange): boolean {
    const [first] = this.#running;
    if (first === undefined) return true;
    return this.#running.length < maxAhead && isSafe(exchange) && isSafe(first);
  }
}

function isSafe({ head, wantsTunnel }: Exchange): boolean {
  return safe.has(head.method) && !wantsTunnel;
}
