import { Resolver as NodeResolver } from "node:dns/promises";
import { type Clock, type Random, systemClock, systemRandom } from "@pagoda/core";
import type { DnsEndpoint, DnsFault, Resolver } from "./records.ts";
import type { SourceObserver } from "./source.ts";

/** What `dnsEndpoints` and `srvEndpoints` have in common. */
export interface DnsSettings {
  /** What the keys begin with: `http://10.0.0.7:8080`. Default `http`. */
  readonly scheme?: string;
  /** Only addresses of this version of IP. Default: both. */
  readonly family?: 4 | 6;
  /** An answer holds for this long at least, whatever its TTL: milliseconds, over 0. Default 1,000. */
  readonly minTtlMs?: number;
  /**
   * An answer holds for this long at most: milliseconds, from `minTtlMs` to 2,147,483,647. Default 300,000; for
   * `srvEndpoints` 30,000.
   */
  readonly maxTtlMs?: number;
  /** When to ask again after a failure, half of it fixed and half random: milliseconds, over 0. Default 1,000. */
  readonly failureMs?: number;
  /** That time doubles with each failure in a row up to this: at most 2,147,483,647. Default 30,000. */
  readonly maxFailureMs?: number;
  /** What has no answer by then has failed: milliseconds, over 0, at most 2,147,483,647. Default 5,000. */
  readonly timeoutMs?: number;
  /**
   * For how long the DNS must say that there is nothing before that is believed: milliseconds, 0 or more; `Infinity`:
   * never. Default 30,000.
   */
  readonly emptyAfterMs?: number;
  /**
   * The endpoints until the first answer, such as the last list before a restart. They stay while DNS fails. Default: none.
   */
  readonly initial?: readonly DnsEndpoint[];
  /** Default: a new one of Node's, with the servers of the system. */
  readonly resolver?: Resolver;
  readonly observer?: SourceObserver<DnsEndpoint, DnsFault>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The settings with their defaults. */
export type Settings = Required<Omit<DnsSettings, "family" | "observer">> &
  Pick<DnsSettings, "observer"> & {
    readonly types: readonly ("A" | "AAAA")[];
  };

/** The longest time that timers of the platform can take. */
const maxMs = 2_147_483_647;

/** @throws RangeError when one is out of range. */
export function checked(factory: string, settings: DnsSettings, longestMs: number): Settings {
  const {
    scheme = "http",
    family,
    minTtlMs = 1_000,
    maxTtlMs = Math.max(minTtlMs, longestMs),
    failureMs = 1_000,
    maxFailureMs = Math.max(failureMs, 30_000),
    timeoutMs = 5_000,
    emptyAfterMs = 30_000,
    initial = [],
    resolver = new NodeResolver(),
    observer,
    clock = systemClock,
    random = systemRandom,
  } = settings;
  const check = (name: string, value: number | string, isValid: boolean, valid: string): void => {
    if (!isValid) throw new RangeError(`${factory}: ${name} is ${value}; valid is ${valid}`);
  };
  const span = `over 0, at most ${maxMs}`;
  check("scheme", `"${scheme}"`, /^[a-z][a-z\d+.-]*$/i.test(scheme), "one of a URL, such as http");
  check("family", String(family), family === undefined || family === 4 || family === 6, "4, 6 or undefined");
  check("minTtlMs", minTtlMs, minTtlMs > 0 && minTtlMs <= maxMs, span);
  check(
    "maxTtlMs",
    maxTtlMs,
    maxTtlMs >= minTtlMs && maxTtlMs <= maxMs,
    `from minTtlMs, ${minTtlMs}, to ${maxMs}`,
  );
  check("failureMs", failureMs, failureMs > 0 && failureMs <= maxMs, span);
  check(
    "maxFailureMs",
    maxFailureMs,
    maxFailureMs >= failureMs && maxFailureMs <= maxMs,
    `from failureMs, ${failureMs}, to ${maxMs}`,
  );
  check("timeoutMs", timeoutMs, timeoutMs > 0 && timeoutMs <= maxMs, span);
  check("emptyAfterMs", emptyAfterMs, emptyAfterMs >= 0, "0 or more");
  return {
    scheme,
    types: family === undefined ? ["A", "AAAA"] : family === 4 ? ["A"] : ["AAAA"],
    minTtlMs,
    maxTtlMs,
    failureMs,
    maxFailureMs,
    timeoutMs,
    emptyAfterMs,
    initial,
    resolver,
    ...(observer && { observer }),
    clock,
    random,
  };
}
