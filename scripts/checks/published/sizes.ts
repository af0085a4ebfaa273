import { statSync } from "node:fs";
import { faultless, type Outcome } from "../outcome.ts";

/** KiB of a tarball that a package may have at most: some 20% above what it has. */
const most: Readonly<Record<string, number>> = {
  "@pagoda/balance": 66,
  "@pagoda/core": 108,
  "@pagoda/discovery": 40,
  "@pagoda/health": 47,
  "@pagoda/http": 235,
  "@pagoda/proxy": 320,
  "@pagoda/rate-limit": 47,
  "@pagoda/router": 58,
  "@pagoda/transport": 83,
};
/** Of all others. */
const usual = 32;

/** Checks that a package has not grown unnoticed. */
export function sizeOutcome(name: string, file: string): Outcome {
  return faultless(`size of ${name}`, sizeFaults(name, statSync(file).size));
}

export function sizeFaults(name: string, bytes: number): string[] {
  const limit = most[name] ?? usual;
  const kibibytes = bytes / 1_024;
  if (kibibytes <= limit) return [];
  return [
    `tarball must be at most ${limit} KiB (got ${kibibytes.toFixed(1)}): see scripts/checks/published/sizes.ts`,
  ];
}
