import type { HttpHeaders } from "@pagoda/http";
import { isFieldValue, isToken, mayTrail } from "@pagoda/http/grammar";

/** Filters out invalid trailers, since the rest of the request has already been sent. */
export function sendableTrailers(trailers: HttpHeaders): readonly (readonly [name: string, value: string])[] {
  return [...trailers].filter(([name, value]) => isToken(name) && isFieldValue(value) && mayTrail(name));
}
