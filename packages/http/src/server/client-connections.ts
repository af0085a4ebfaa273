import { addressGroup, canonicalAddress } from "@pagoda/core";

/** Counts the connections of each client: by its address, for IPv6 by its /64. */
export class ClientConnections {
  /** The most that one may have. */
  max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.max = max;
  }

  /** Whose connection it is, for {@link closed}; `undefined`: that client has reached its limit. */
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
