import { addressGroup, canonicalAddress } from "@pagoda/core";

/** Counts connections per client address, for IPv6 per /64. */
export class ClientConnections {
  /** Maximum connections per client. */
  max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.max = max;
  }

  /**
   * Counts a new connection and returns its key for {@link closed}; `undefined` if the client is at
   * its limit.
   */
  opened(remoteAddress: string): string | undefined {
    const client = addressGroup(canonicalAddress(remoteAddress) ?? remoteAddress);
    const count = this.#counts.get(client) ?? 0;
    if (count >= this.max) return undefined;
    this.#counts.set(client, count + 1);
    return client;
  }

  closed(client: string): void {
    const count = (this.#counts.get(client) as number) - 1;
    if (count > 0) this.#counts.set(client, count);
    else this.#counts.delete(client);
  }
}
