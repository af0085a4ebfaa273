import type { SrvRecord } from "node:dns";
import type { Endpoint, Fault } from "@pagoda/core";

/** An address that DNS gave. */
export interface DnsEndpoint extends Endpoint {
  /** The name that has the address, as TLS wants it. Of several, the first in the order of the alphabet. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

export type RecordType = "A" | "AAAA" | "SRV";

/** The DNS has not answered, or not usefully. Says nothing about the endpoints, so it is local. */
export interface DnsFailed extends Fault<"DnsFailed"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly name: string;
  readonly type: RecordType;
  /** As Node has it: `ESERVFAIL`, `EREFUSED`; `ETIMEOUT` after `timeoutMs`. */
  readonly code: string;
}

/** The DNS has answered that there is nothing of the kind: NXDOMAIN, or no record of the type (NODATA). */
export interface NoRecords extends Fault<"NoRecords"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly name: string;
  /** As Node has it: `ENOTFOUND` for NXDOMAIN, `ENODATA`. */
  readonly code: string;
}

export type DnsFault = DnsFailed | NoRecords;

/**
 * What asks the DNS. Node's `Resolver` of `node:dns/promises` is one. Each source needs one of its own: with `cancel`
 * it gives up all that this resolver has under way.
 */
export interface Resolver {
  resolve4(host: string, options: { readonly ttl: true }): Promise<readonly AddressRecord[]>;
  resolve6(host: string, options: { readonly ttl: true }): Promise<readonly AddressRecord[]>;
  resolveSrv(name: string): Promise<readonly SrvRecord[]>;
  cancel(): void;
}

export interface AddressRecord {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

/** What a resolver's rejection means. */
export function faultOf(name: string, type: RecordType, cause: unknown): DnsFault {
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

/** An endpoint's key: what a transport takes. */
export function originOf(scheme: string, address: string, port: number): string {
  return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
