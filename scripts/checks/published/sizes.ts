import { statSync } from "node:fs";
import { faultless, type Outcome } from "../outcome.ts";

/** KiB of a tarball that a package may have at most: some 20% above what it has. */
const most: Readonly<Record<string, number>> = {
  "@pagoda/balance": 66,
  "@pagoda/cache": 55,
  "@pagoda/client": 42,
  "@pagoda/core": 108,
  "@pagoda/discovery": 40,
  "@pagoda/health": 47,
  "@pagoda/http": 300,
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
  return excess("tarball", most[name] ?? usual, bytes);
}

/** KiB of a minified bundle of core and four layers, and of what a browser loads of it: just above what they have. */
const bundle = { minified: 28, gzipped: 10.5 };

/** Checks that a bundle has not grown, because a module cannot be tree-shaken any more or does too much. */
export function bundleFaults(minifiedBytes: number, gzippedBytes: number): string[] {
  return [
    ...excess("minified bundle", bundle.minified, minifiedBytes),
    ...excess("gzipped bundle", bundle.gzipped, gzippedBytes),
  ];
}

/** Checks that installing core brings at most 1 MB, dependencies included. */
export function installFaults(bytes: number): string[] {
  return excess("node_modules", 1_000_000 / 1_024, bytes);
}

function excess(what: string, limit: number, bytes: number): string[] {
  const kibibytes = bytes / 1_024;
  if (kibibytes <= limit) return [];
  return [
    `${what} must be at most ${limit.toFixed(1)} KiB (got ${kibibytes.toFixed(1)}): see scripts/checks/published/sizes.ts`,
  ];
}
