/** No name of a host is longer (RFC 1035, 2.3.4). */
const maxLength = 253;

/** What belongs to each host that routes name: exactly, by a wildcard, or to any. */
export class ByHost<T> {
  readonly #exact = new Map<string, T>();
  /** By what follows the `*`: `.shop.example`. */
  readonly #wildcards = new Map<string, T>();
  #any: T | undefined;

  /** @param host `undefined`: any. */
  set(host: string | undefined, value: T): void {
    if (host === undefined) this.#any = value;
    else if (host.startsWith("*")) this.#wildcards.set(host.slice(1), value);
    else this.#exact.set(host, value);
  }

  /** What belongs to any host, where no other is named. */
  get sole(): T | undefined {
    return this.#exact.size + this.#wildcards.size === 0 ? this.#any : undefined;
  }

  /** What `look` finds first: for the host itself, then for the longest wildcard, then for any. It makes no list of them. */
  first<Sought, Found>(
    host: string,
    sought: Sought,
    path: string,
    look: (value: T, sought: Sought, path: string) => Found | undefined,
  ): Found | undefined {
    const exact = this.#exact.get(host);
    let found = exact === undefined ? undefined : look(exact, sought, path);
    if (found !== undefined) return found;
    if (this.#wildcards.size > 0 && host.length <= maxLength) {
      for (let at = host.indexOf(".", 1); at !== -1; at = host.indexOf(".", at + 1)) {
        const wildcard = this.#wildcards.get(host.slice(at));
        if (wildcard !== undefined) found = look(wildcard, sought, path);
        if (found !== undefined) return found;
      }
    }
    return this.#any === undefined ? undefined : look(this.#any, sought, path);
  }
}
