/** A secret of a control plane, by its name. */
export interface SecretName {
  readonly secret: string;
}

/** A certificate and its key: two files, or a secret. */
interface Pair {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly secret?: string | undefined;
}

interface PairNames {
  readonly certificate: string;
  readonly key: string;
}

/**
 * The names of a certificate and its key in the `files` of a configuration: their paths, or for a
 * secret names that stand for its contents. Undefined if there is neither.
 */
export function pairNames(pair: SecretName): PairNames;
export function pairNames(pair: Pair | undefined): PairNames | undefined;
export function pairNames({ certificate, key, secret }: Pair = {}): PairNames | undefined {
  if (secret !== undefined) return { certificate: nameOf(secret, "certificate"), key: nameOf(secret, "key") };
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

/** The same for trusted authorities. */
export function caName(ca: string | SecretName): string;
export function caName(ca: string | SecretName | undefined): string | undefined;
export function caName(ca: string | SecretName | undefined): string | undefined {
  return typeof ca === "object" ? nameOf(ca.secret, "ca") : ca;
}

/** No file has such a name: it cannot contain a null byte. */
function nameOf(secret: string, part: string): string {
  return `secret\0${secret}\0${part}`;
}
