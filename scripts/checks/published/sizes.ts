import { statSync } from "node:fs";
import { faultless, type Outcome } from "../outcome.ts";

/** KiB of a tarball that a package may have at most: some 20% above what it has. */
const most: Readonly<Record<string, number>> = {
  "@pagoda/balance": 66,
  "@pagoda/cache": 55,
  "@pagoda/client": 42,
  "@pagoda/core": 130,
  "@pagoda/discovery": 40,
  "@pagoda/ext-authz": 46,
  "@pagoda/health": 47,
  "@pagoda/http": 300,
  "@pagoda/proxy": 880,
  "@pagoda/rate-limit": 47,
  "@pagoda/router": 64,
  "@pagoda/transport": 83,
  "@pagoda/xds": 150,
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

/**
 * KiB of a minified bundle of core and four layers, and of what a browser loads of it: just above what
 * they have.
 *
 * Of the 24.4, in order of size:
 * - 4.6 circuit-breaker: the state machine with its probes (2.1), two trips (1.2), the layer (1.0), options;
 * - 4.1 rate-limit: limits per key, bounded and evicted by debt (2.0, of no use to a global limit, but
 *   `keyed` is an option of the same layer because both limits are decided together), GCRA and the layer;
 * - 3.0 of core for readiness: waiters in order, by time, and calls as soon as a service is ready;
 * - 2.3 of core for options: their ranges and messages, in which no password of a URL is shown;
 * - 2.2 of core for judging results: HTTP's statuses, and `Retry-After` with its three forms of dates;
 * - 1.9 timeout: one timer for all calls, and stalls of the process that must not count;
 * - 1.8 of core for services, layers, `ServiceBuilder`, faults, the clock;
 * - 1.6 retry, and 1.1 of core for budgets and sliding windows;
 * - 1.5 of core for signals that follow others and carry a deadline.
 *
 * Since then 0.8 came: the call that opens a breaker and what a limit has left are told to observers, and
 * breakers can be reset.
 *
 * Half as much would need other layers. These four alone take 12.2.
 */
const bundle = { minified: 25.5, gzipped: 9.6 };

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

/** Checks that the live page of the proxy loads over a slow line: KB, compressed with gzip. */
export function pageFaults(bytes: number): string[] {
  return excess("live page", 150_000 / 1_024, bytes);
}

function excess(what: string, limit: number, bytes: number): string[] {
  const kibibytes = bytes / 1_024;
  if (kibibytes <= limit) return [];
  return [
    `${what} must be at most ${limit.toFixed(1)} KiB (got ${kibibytes.toFixed(1)}): see scripts/checks/published/sizes.ts`,
  ];
}
