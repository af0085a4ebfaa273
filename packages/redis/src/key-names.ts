import { createHmac } from "node:crypto";

/** Characters of a hash in base64url: 132 bits. */
const hashLength = 22;

/** The names of Redis keys. */
export class KeyNames {
  readonly #prefix: string;
  readonly #secret: string;

  constructor(prefix: string, secret: string) {
    this.#prefix = prefix;
    this.#secret = secret;
  }

  global(limit: string): string {
    return `${this.#prefix}:global:${limit}`;
  }

  /** With the hash of a client's key, which may be a credential. About 3 µs. */
  keyed(limit: string, key: string): string {
    const hash = createHmac("sha256", this.#secret).update(key).digest("base64url");
    return `${this.#prefix}:keyed:${limit}:${hash.slice(0, hashLength)}`;
  }
}
