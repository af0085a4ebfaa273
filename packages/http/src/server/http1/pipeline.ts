import type { Exchange } from "./exchange.ts";
import { Turns } from "./turns.ts";

/** Maximum requests waiting for responses: every one costs memory. */
const maxWaiting = 1_000;

/** The requests of a connection that wait for their responses, in order. */
export class Pipeline {
  readonly #turns: Turns = new Turns();
  /**
   * Not a set: V8 keeps old tables of a changing set alive, and with them all exchanges that they
   * contained.
   */
  readonly #pending: Exchange[] = [];
  #latest: Exchange | undefined;
  #last: Exchange | undefined;

  get length(): number {
    return this.#pending.length;
  }

  /** Whether requests wait for responses. */
  get isBusy(): boolean {
    return this.#pending.length > 0;
  }

  get isFull(): boolean {
    return this.#pending.length >= maxWaiting;
  }

  /** The request whose response is sent now. */
  get current(): Exchange | undefined {
    return this.#pending[0];
  }

  /** The latest request, until its response is sent. */
  get latest(): Exchange | undefined {
    return this.#latest;
  }

  /** The request after whose response the connection ends. */
  get last(): Exchange | undefined {
    return this.#last;
  }

  /** Whether the responses to all requests have been passed on to the system. */
  get isSent(): boolean {
    return this.#pending.every(({ out }) => out.isEnded);
  }

  /** Adds a request that has arrived. */
  add(exchange: Exchange): void {
    this.#latest = exchange;
    if (this.#pending.push(exchange) === 1) exchange.becomeCurrent();
  }

  /** Has a request call the stack when its turn comes: see `startNext`. */
  schedule(exchange: Exchange): void {
    this.#turns.add(exchange);
  }

  /** Has the latest request not call the stack, unless it has. */
  cancel(exchange: Exchange): void {
    this.#turns.drop(exchange);
  }

  /** Starts the requests whose turn it is. */
  startNext(): void {
    this.#turns.startNext();
  }

  /** Ends the connection after the response to a request, unless it ends earlier. */
  endAfter(exchange: Exchange): void {
    this.#last ??= exchange;
  }

  /** Removes the current request, whose response was sent, and starts those that waited for it. */
  shift(exchange: Exchange): void {
    this.#pending.shift();
    // The rest of its body may have a reader.
    if (this.#latest === exchange && exchange.isComplete) this.#latest = undefined;
    this.#turns.over(exchange);
  }

  /** Removes all requests: the client is gone. */
  clear(): readonly Exchange[] {
    return this.#pending.splice(0);
  }

  /** Requests that have not started never will. */
  stop(): void {
    this.#turns.stop();
  }
}
