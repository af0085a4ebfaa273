import type { Left, Rates } from "./store.ts";

/** Returns the limit with fewer calls left; undefined if neither is known. */
export function fewestLeft(
  { global, keyed }: Rates,
  ofGlobal: number | undefined,
  ofKey: number | undefined,
): Pick<Left, "limit" | "left" | "burst"> | undefined {
  if (keyed !== undefined && ofKey !== undefined && (ofGlobal === undefined || ofKey < ofGlobal))
    return { limit: "keyed", left: ofKey, burst: keyed.burst };
  if (global === undefined || ofGlobal === undefined) return undefined;
  return { limit: "global", left: ofGlobal, burst: global.burst };
}
