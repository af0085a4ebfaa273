import { Resolver as NodeResolver } from "node:dns/promises";
import {
  checkDuration,
  checkNumber,
  checkOneOf,
  checkOption,
  type Clock,
  type Random,
  type SourceObserver,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import type { DnsEndpoint, DnsFault, Resolver } from "./records.ts";

/** Options common to `dnsEndpoints` and `srvEndpoints`. */
export interface DnsSettings {
  /** Scheme of the endpoints' keys, such as `http://10.0.0.7:8080`. Default `http`. */
  readonly scheme?: string;
  /** Only addresses of this IP version. Default: both. */
  readonly family?: 4 | 6;
  /** Minimum time before a refresh in milliseconds, whatever the TTL: over 0. Default 1,000. */
  readonly minTtlMs?: number;
  /**
   * Maximum time before a refresh in milliseconds: `minTtlMs` to 2,147,483,647. Default 300,000;
   * for `srvEndpoints` 30,000.
   */
  readonly maxTtlMs?: number;
  /**
   * Initial time before a retry in milliseconds, half of it fixed and half random: over 0. Default
   * 1,000.
   */
  readonly failureMs?: number;
  /**
   * The time before a retry doubles with each consecutive failure up to this: at most
   * 2,147,483,647. Default 30,000.
   */
  readonly maxFailureMs?: number;
  /** Timeout of a query in milliseconds: over 0, at most 2,147,483,647. Default 5,000. */
  readonly timeoutMs?: number;
  /**
   * How long negative answers must persist before the list becomes empty, in milliseconds: 0 or
   * more, or `Infinity` to ignore them. Default 30,000.
   */
  readonly emptyAfterMs?: number;
  /**
   * Endpoints until the first answer, such as the last list before a restart. They are kept while
   * DNS fails. Default: none.
   */
  readonly initial?: readonly DnsEndpoint[];
  /** Default: a new Node resolver with the system's DNS servers. */
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

/** @throws RangeError when a setting is out of range. */
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
