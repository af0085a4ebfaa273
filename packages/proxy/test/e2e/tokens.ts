import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from "node:crypto";

/** An issuer of tokens, which signs them with its newest key. */
export class TokenIssuer {
  readonly name = "https://id.example";
  #key!: { readonly kid: string; readonly jwk: JsonWebKey; readonly privateKey: KeyObject };
  #count = 0;

  constructor() {
    this.rotate();
  }

  /** Its public keys. */
  get jwks(): { readonly keys: readonly object[] } {
    const { jwk, kid } = this.#key;
    return { keys: [{ ...jwk, kid, use: "sig", alg: "ES256" }] };
  }

  /** Signs with a new key from now on, and no longer publishes the former. */
  rotate(): void {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = { kid: `key-${this.#count++}`, jwk: publicKey.export({ format: "jwk" }), privateKey };
  }

  token(claims: Readonly<Record<string, unknown>> = {}): string {
    const { kid, privateKey } = this.#key;
    const exp = Math.floor(Date.now() / 1_000) + 600;
    const payload = { iss: this.name, aud: "shop", sub: "ann", exp, ...claims };
    const signed = [{ alg: "ES256", kid }, payload].map(encoded).join(".");
    const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  }

  /** A request with such a token. */
  bearer(claims?: Readonly<Record<string, unknown>>): {
    readonly headers: { readonly authorization: string };
  } {
    return { headers: { authorization: `Bearer ${this.token(claims)}` } };
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
