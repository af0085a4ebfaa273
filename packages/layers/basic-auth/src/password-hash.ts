import { randomBytes, scrypt } from "node:crypto";

/** A parsed hash. */
export interface PasswordHash {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: Uint8Array;
  readonly key: Uint8Array;
}

/** Memory that checking a password may take: 128 MiB. */
const maxBytes = 2 ** 27;

/**
 * Returns the scrypt hash of a password, in the PHC format: `$scrypt$ln=15,r=8,p=3$…$…`. It takes
 * about 0.2 s and 32 MiB: parameters that OWASP recommends.
 *
 * @param logCost Binary logarithm of the cost, `ln`: an integer from 10 to 17.
 */
export async function hashPassword(password: string, logCost: number = 15): Promise<string> {
  const hash = { cost: 2 ** logCost, blockSize: 8, parallelization: 3, salt: randomBytes(16) };
  const key = await derive(password, { ...hash, key: new Uint8Array(32) });
  return `$scrypt$ln=${logCost},r=8,p=3$${encode(hash.salt)}$${encode(key)}`;
}

/**
 * Returns what a password hash must be, if it is not one that `passwords` accepts; `undefined` if it
 * is valid.
 */
export function hashProblem(hash: string): string | undefined {
  if (parseHash(hash) !== undefined) return undefined;
  return "a scrypt hash, $scrypt$ln=15,r=8,p=3$<salt>$<hash>, that takes at most 128 MiB";
}

export function parseHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt = "", key = ""] = format.exec(text) ?? [];
  const hash = {
    cost: 2 ** Number(ln),
    blockSize: Number(r),
    parallelization: Number(p),
    salt: Buffer.from(salt, "base64"),
    key: Buffer.from(key, "base64"),
  };
  const { cost, blockSize, parallelization } = hash;
  const isValid =
    cost >= 2 &&
    blockSize >= 1 &&
    parallelization >= 1 &&
    memoryOf(hash) <= maxBytes &&
    parallelization <= 16;
  return isValid ? hash : undefined;
}

/** A salt of at least 8 bytes, a key of at least 16. */
const format =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Derives the key of a password with the parameters and the salt of a hash. */
export function derive(
  password: string,
  { cost, blockSize, parallelization, salt, key }: PasswordHash,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = { cost, blockSize, parallelization, maxmem: 2 * maxBytes };
    scrypt(password.normalize("NFC"), salt, key.length, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

function memoryOf({ cost, blockSize }: Pick<PasswordHash, "cost" | "blockSize">): number {
  return 128 * cost * blockSize;
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}
