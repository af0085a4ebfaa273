import type { Clock } from "@pagoda/core";

/** Wrong tokens that a client may send at once. */
const burst = 10;
/** Milliseconds after which it may send another one. */
const everyMs = 1_000;
/** Clients remembered; when there are more, the one whose last wrong token is the oldest is forgotten. */
const maxClients = 1_000;

/** Slows down clients that guess: ten wrong tokens at once, then one a second. */
export class WrongTokens {
  readonly #clock: Clock;
  /** When a client's wrong tokens are forgiven, by client, in the order of their last ones. */
  readonly #forgiven = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until a client may send another token; 0: it may now. */
  waitMs(client: string): number {
    const forgiven = this.#forgiven.get(client);
    if (forgiven === undefined) return 0;
    return Math.max(0, forgiven - this.#clock.now() - (burst - 1) * everyMs);
  }

  /** Counts a wrong token. */
  add(client: string): void {
    const now = this.#clock.now();
    const forgiven = Math.max(now, this.#forgiven.get(client) ?? 0) + everyMs;
    this.#forgiven.delete(client);
    const [oldest] = this.#forgiven.keys();
    if (oldest !== undefined && this.#forgiven.size >= maxClients) this.#forgiven.delete(oldest);
    this.#forgiven.set(client, forgiven);
  }
}
