/**
 * Maximum length of a wildcard without its `*`: a host name has at most 253 characters (RFC 1035,
 * section 2.3.4), next to a dot and with a port. Clients may send longer ones, so only that much of
 * them is looked up.
 */
const maxLength = 260;

/** Values by host: exact, wildcard, or any. */
export class ByHost<T> {
  readonly #exact = new Map<string, T>();
  /** Keyed by the part after `*`: `.shop.example`. */
  readonly #wildcards = new Map<string, T>();
  /** Keyed by the part before `*`: `shop.`. */
  readonly #beginnings = new Map<string, T>();
  #any: T | undefined;

  /** @param host `undefined` for any. */
  set(host: string | undefined, value: T): void {
    if (host === undefined) this.#any = value;
    else if (host.startsWith("*")) this.#wildcards.set(host.slice(1), value);
    else if (host.endsWith(".*")) this.#beginnings.set(host.slice(0, -1), value);
    else this.#exact.set(host, value);
  }

  /** The value for any host, if there are no others. */
  get sole(): T | undefined {
    return this.#exact.size + this.#wildcards.size + this.#beginnings.size === 0 ? this.#any : undefined;
  }

  /**
   * Returns the first result of `look`, from the exact host over the longest wildcard at the
   * beginning and the longest one at the end to any.
   * Allocates nothing.
   */
  first<Sought, Found>(
    host: string,
    sought: Sought,
    path: string,
    look: (value: T, sought: Sought, path: string) => Found | undefined,
  ): Found | undefined {
    const exact = this.#exact.get(host);
    let found = exact === undefined ? undefined : look(exact, sought, path);
    if (found !== undefined) return found;
    if (this.#wildcards.size > 0) {
      const from = Math.max(1, host.length - maxLength);
      for (let at = host.indexOf(".", from); at !== -1; at = host.indexOf(".", at + 1)) {
        const wildcard = this.#wildcards.get(host.slice(at));
        if (wildcard !== undefined) found = look(wildcard, sought, path);
        if (found !== undefined) return found;
      }
    }
    if (this.#beginnings.size > 0) {
      const from = Math.min(maxLength, host.length) - 2;
      for (let at = host.lastIndexOf(".", from); at > 0; at = host.lastIndexOf(".", at - 1)) {
        const beginning = this.#beginnings.get(host.slice(0, at + 1));
        if (beginning !== undefined) found = look(beginning, sought, path);
        if (found !== undefined) return found;
      }
    }
    return this.#any === undefined ? undefined : look(this.#any, sought, path);
  }
}
