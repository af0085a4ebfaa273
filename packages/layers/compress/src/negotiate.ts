import { membersOf } from "@pagoda/http/grammar";
import type { Coding } from "./coding.ts";

/** A weight (RFC 9110, 12.4.2). */
const weight = /^[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/**
 * Selects a coding by `Accept-Encoding` (RFC 9110, 12.5.3): the acceptable one with the highest
 * weight or, among equals, the first one in `codings`.
 *
 * @param accepted The values of the field, one for each line.
 * @returns `undefined` for no coding: none is acceptable, `identity` has a higher weight, or the
 * field is absent, which means any coding, but usually comes from a client that decodes none.
 */
export function negotiate(accepted: readonly string[], codings: readonly Coding[]): Coding | undefined {
  const weights = new Map<string, number>();
  for (const value of accepted) {
    for (const member of membersOf(value)) {
      const [name = "", ...parameters] = member.split(";");
      const q = parameters.length === 0 ? 1 : weightOf(parameters);
      // A member with an invalid weight is ignored.
      if (q !== undefined) weights.set(aliases[name.trim().toLowerCase()] ?? name.trim().toLowerCase(), q);
    }
  }
  const rest = weights.get("*") ?? 0;
  let best: Coding | undefined;
  let bestWeight = 0;
  for (const coding of codings) {
    const own = weights.get(coding) ?? rest;
    if (own > bestWeight) {
      best = coding;
      bestWeight = own;
    }
  }
  return bestWeight < (weights.get("identity") ?? 0) ? undefined : best;
}

/** RFC 9110, 8.4.1.3. */
const aliases: Readonly<Record<string, string>> = { __proto__: null as never, "x-gzip": "gzip" };

function weightOf(parameters: readonly string[]): number | undefined {
  const q = parameters.length === 1 ? weight.exec(parameters[0] as string)?.[1] : undefined;
  return q === undefined ? undefined : Number(q);
}
