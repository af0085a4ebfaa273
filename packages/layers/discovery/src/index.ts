export * from "./dns.ts";
export * from "./file.ts";
export * from "./json.ts";
export type { DnsSettings } from "./options.ts";
export type { AddressRecord, DnsEndpoint, DnsFailed, DnsFault, NoRecords, Resolver } from "./records.ts";
export * from "./srv.ts";
