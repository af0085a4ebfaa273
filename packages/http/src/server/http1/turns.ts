import type { ServerResponse } from "node:http";

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
  readonly #running: ServerResponse[] = [];
  readonly #held: { readonly out: ServerResponse; readonly start: () => void }[] = [];

  /** Starts a request if it may start now. Returns whether it may. */
  take(out: ServerResponse): boolean {
    if (this.#held.length > 0 || !this.#hasRoomFor(out)) return false;
    this.#running.push(out);
    return true;
  }

  /** Starts a request when it is its turn. */
  hold(out: ServerResponse, start: () => void): void {
    this.#held.push({ out, start });
  }

  /** The response was sent, or never will be. */
  over(out: ServerResponse): void {
    const at = this.#running.indexOf(out);
    if (at >= 0) this.#running.splice(at, 1);
    let next = this.#held[0];
    while (next !== undefined && this.#hasRoomFor(next.out)) {
      this.#held.shift();
      this.#running.push(next.out);
      next.start();
      next = this.#held[0];
    }
  }

  /** The client is gone: waiting requests never start. */
  stop(): void {
    this.#held.length = 0;
  }

  #hasRoomFor({ req }: ServerResponse): boolean {
    const [first] = this.#running;
    if (first === undefined) return true;
    return this.#running.length < maxAhead && isSafe(req.method) && isSafe(first.req.method);
  }
}

function isSafe(method: string | undefined): boolean {
  return safe.has(method ?? "");
}
