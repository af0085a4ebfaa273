/** Most streams remembered. */
const maxRemembered = 1_000;

/**
 * Streams that this side has reset. Frames that were in flight then still arrive, and are ignored
 * (RFC 9113, 5.1); on other closed streams there must be none.
 */
export class ClosedStreams {
  readonly #ids = new Set<number>();
  /** The highest one no longer remembered. Frames on streams up to here are ignored too. */
  #forgotten = 0;

  add(id: number): void {
    this.#ids.add(id);
    if (this.#ids.size <= maxRemembered) return;
    const [oldest] = this.#ids;
    this.#ids.delete(oldest as number);
    this.#forgotten = Math.max(this.#forgotten, oldest as number);
  }

  has(id: number): boolean {
    return id <= this.#forgotten || this.#ids.has(id);
  }
}
