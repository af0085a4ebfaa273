import type { Endpoint } from "@pagoda/core";

/** One value per endpoint, created on first use. */
export class PerEndpoint<E extends Endpoint, T> {
  readonly #make: (endpoint: E, atEnd: (run: () => void) => void) => T;
  readonly #all = new Map<string, { readonly kept: T; readonly atEnd: readonly (() => void)[] }>();

  /** @param make Functions it passes to `atEnd` run when the endpoint is removed. */
  constructor(make: (endpoint: E, atEnd: (run: () => void) => void) => T) {
    this.#make = make;
  }

  of(endpoint: E): T {
    const known = this.#all.get(endpoint.key);
    if (known !== undefined) return known.kept;
    const atEnd: (() => void)[] = [];
    const kept = this.#make(endpoint, (run) => atEnd.push(run));
    this.#all.set(endpoint.key, { kept, atEnd });
    return kept;
  }

  gone({ key }: E): void {
    const known = this.#all.get(key);
    this.#all.delete(key);
    if (known !== undefined) for (const run of known.atEnd) run();
  }
}
