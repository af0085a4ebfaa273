import { Resolver as NodeResolver } from "node:dns/promises";
import {
  checkDuration,
  checkNumber,
  checkOneOf,
  checkOption,
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
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
  const isScheme = /^[a-z][a-z\d+.-]*$/i.test(scheme);
  checkOption(`${factory}: scheme`, scheme, isScheme, "the scheme of a URL, such as http");
  checkOneOf(`${factory}: family`, family, [4, 6, undefined]);
  checkDuration(`${factory}: minTtlMs`, minTtlMs);
  checkDuration(`${factory}: maxTtlMs`, maxTtlMs, { min: { minTtlMs } });
  checkDuration(`${factory}: failureMs`, failureMs);
  checkDuration(`${factory}: maxFailureMs`, maxFailureMs, { min: { failureMs } });
  checkDuration(`${factory}: timeoutMs`, timeoutMs);
  checkNumber(`${factory}: emptyAfterMs`, emptyAfterMs, { min: 0, max: Infinity });
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
