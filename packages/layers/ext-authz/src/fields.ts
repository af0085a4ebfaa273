import { checkOption } from "@pagoda/core";
import { HttpHeaders } from "@pagoda/http";
import { connectionFields, isToken } from "@pagoda/http/grammar";

/** Fields that frame a message, belong to a connection, or select the origin. */
const reserved: ReadonlySet<string> = new Set([
  ...connectionFields,
  "content-length",
  "expect",
  "host",
  "trailer",
]);

/** Bounds on what an answer may set: as many fields as a request may have. */
export const [maxFields, maxFieldBytes] = [100, 61_440] as const;

/** Whether an authorization server may set a field of that name. */
export function isSettable(name: string): boolean {
  return isToken(name) && !reserved.has(plain(name));
}

/** Servers that know fields as variables (CGI) do not distinguish the two. */
export function plain(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/**
 * Returns headers without fields of some names, also with underscores for hyphens.
 *
 * @param names As `plain` returns them.
 */
export function without(headers: HttpHeaders, names: ReadonlySet<string>): HttpHeaders {
  if (names.size === 0) return headers;
  const raw = headers.raw.filter((_, i) => !names.has(plain(headers.raw[i - (i % 2)] as string)));
  return raw.length === headers.raw.length ? headers : new HttpHeaders(raw);
}

/** @throws RangeError */
export function checkName(option: string, name: string): void {
  checkOption(`extAuthz: ${option}`, name, isToken(name), "names of header fields");
}

/** @throws RangeError */
export function checkCopied(names: readonly string[]): void {
  for (const name of names) {
    checkName("copyHeaders", name);
    checkOption(
      "extAuthz: copyHeaders",
      name,
      isSettable(name),
      "names of header fields that neither frame a message nor name its host",
    );
  }
}
