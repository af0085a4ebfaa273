import { hash as digestOf, randomBytes, timingSafeEqual } from "node:crypto";
import { notShown, rangeError } from "@pagoda/core";
import type { Credentials } from "./credentials.ts";
import { derive, hashProblem, parseHash, type PasswordHash } from "./password-hash.ts";

/**
 * Returns a `verify` for a fixed set of users, which returns the name of the user.
 *
 * A password is plain, or a scrypt hash made by `hashPassword`, which starts with `$scrypt$`.
 * Comparisons take the same time wherever passwords differ, and a wrong password takes as long whether
 * or not the user exists, if all hashes have the same parameters.
 *
 * Checking a password against a hash takes tens of milliseconds to 0.2 s on a thread of libuv's pool.
 * It happens once: the last password that was right is remembered for each user, as a keyed digest.
 * Wrong passwords are checked every time, so limit the rate of clients further out.
 *
 * @param users Passwords by name.
 * @throws RangeError when a name has a colon or control characters, or a hash is malformed.
 */
export function passwords(
  users: Readonly<Record<string, string>>,
): (credentials: Credentials) => string | undefined | Promise<string | undefined> {
  const key = randomBytes(32).toString("hex");
  // Digests never leave this process, so a prefix suffices as a key.
  const digest = (text: string): Uint8Array => digestOf("sha256", key + text.normalize("NFC"), "buffer");
  const plain = new Map<string, Uint8Array>();
  const hashed = new Map<string, PasswordHash>();
  for (const [name, password] of Object.entries(users)) {
    // oxlint-disable-next-line no-control-regex
    if (/[:\0-\x1f\x7f]/.test(name))
      throw rangeError("passwords: the name of a user", "without colons and control characters", name);
    const problem = password.startsWith("$scrypt$") ? hashProblem(password) : undefined;
    if (problem !== undefined) throw rangeError(`passwords: users.${name}`, problem, notShown);
    const hash = parseHash(password);
    if (hash === undefined) plain.set(name.normalize("NFC"), digest(password));
    else hashed.set(name.normalize("NFC"), hash);
  }
  /** The password that was right last. */
  const verified = new Map<string, Uint8Array>();
  const [anyHash] = hashed.values();
  /** The digest of no password. */
  const nothing = randomBytes(32);

  return ({ name, password }) => {
    const given = digest(password);
    const known = plain.get(name) ?? verified.get(name);
    if (timingSafeEqual(given, known ?? nothing)) return name;
    // Wrong passwords of all others take as long.
    const hash = hashed.get(name);
    const checked = hash ?? anyHash;
    if (checked === undefined) return undefined;
    return derive(password, checked).then((derived) => {
      if (!timingSafeEqual(derived, checked.key) || hash === undefined) return undefined;
      verified.set(name, given);
      return name;
    });
  };
}
