import type { SrvRecord } from "node:dns";
import type { Endpoint, Fault } from "@pagoda/core";

/** An endpoint discovered through DNS. */
export interface DnsEndpoint extends Endpoint {
  /** Name of the host, for TLS. The alphabetically first one if there are several. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

export type RecordType = "A" | "AAAA" | "SRV";

/** A query failed or had a useless answer. Says nothing about the endpoints, so it is local. */
export interface DnsFailed extends Fault<"DnsFailed"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly name: string;
  readonly type: RecordType;
  /** Node's error code: `ESERVFAIL`, `EREFUSED`; `ETIMEOUT` after `timeoutMs`. */
  readonly code: string;
}

/** A negative answer: the name does not exist (NXDOMAIN) or has no record of the type (NODATA). */
export interface NoRecords extends Fault<"NoRecords"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly name: string;
  /** Node's error code: `ENOTFOUND` for NXDOMAIN, or `ENODATA`. */
  readonly code: string;
}

export type DnsFault = DnsFailed | NoRecords;

/**
 * Sends DNS queries. Node's `Resolver` of `node:dns/promises` is one. Sources must not share a
 * resolver, since `cancel` cancels all of its queries.
 */
export interface Resolver {
  resolve4(host: string, options: { readonly ttl: true }): Promise<readonly AddressRecord[]>;
  resolve6(host: string, options: { readonly ttl: true }): Promise<readonly AddressRecord[]>;
  resolveSrv(name: string): Promise<readonly SrvRecord[]>;
  cancel(): void;
}

/** An A or AAAA record. */
export interface AddressRecord {
  readonly address: string;
  /** In seconds. */
  readonly ttl: number;
}

/** Returns the fault for the rejection of a resolver. */
export function dnsFault(name: string, type: RecordType, cause: unknown): DnsFault {
  const { code } = Object(cause) as { readonly code?: unknown };
  if (code === "ENOTFOUND" || code === "ENODATA") return noRecords(name, code, cause);
  return dnsFailed(name, type, typeof code === "string" ? code : "UNKNOWN", cause);
}

export function dnsFailed(name: string, type: RecordType, code: string, cause?: unknown): DnsFailed {
  return { _tag: "DnsFailed", origin: "local", retryable: true, name, type, code, cause };
}

export function noRecords(name: string, code = "ENODATA", cause?: unknown): NoRecords {
  return { _tag: "NoRecords", origin: "local", retryable: true, name, code, cause };
}

/** Returns the key of an endpoint: an origin, as a transport takes it. */
export function originOf(scheme: string, address: string, port: number): string {
  return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
