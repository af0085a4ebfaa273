import type { SrvRecord } from "node:dns";
import { checkOption, type EndpointSource, isLeft, left, rangeError, right } from "@pagoda/core";
import { checked, type DnsSettings } from "./options.ts";
import {
  type DnsEndpoint,
  type DnsFailed,
  dnsFailed,
  type DnsFault,
  noRecords,
  originOf,
} from "./records.ts";
import { dnsSource } from "./refresh.ts";

/** Options of {@link srvEndpoints}. */
export interface SrvEndpointsOptions extends DnsSettings {
  /** Full name of the service: `_http._tcp.api.example.com`. */
  readonly name: string;
}

/**
 * Stands in for weight 0: RFC 2782 asks for a very small chance, and balancers require weights over
 * 0.
 */
const smallWeight = 0.1;

/**
 * Discovers the servers of SRV records, with their ports and weights. Use it for a registry that
 * speaks DNS: Consul, Kubernetes with named ports.
 *
 * Only records of the lowest priority are used. Targets are resolved, and each of their addresses
 * is an endpoint, so a balancer sees all of them and follows a target that moves. The addresses of
 * a target share its weight, and keep its name as `host`, for TLS. The target `.` means that there
 * is no service.
 *
 * Node does not report the TTL of SRV records. So it refreshes when the lowest TTL of the addresses
 * expires, and after `maxTtlMs` at the latest, by default sooner than `dnsEndpoints`. If a target
 * cannot be resolved, its last addresses are kept. Otherwise it behaves like `dnsEndpoints`.
 *
 * Cost: one query per refresh, and two per target; none per call.
 *
 * Source: RFC 2782.
 *
 * @throws RangeError when an option is out of range.
 */
export function srvEndpoints({
  name,
  ...settings
}: SrvEndpointsOptions): EndpointSource<DnsEndpoint, DnsFault> {
  checkOption("srvEndpoints: name", name, name !== "", "the name of a service");
  const full = checked("srvEndpoints", settings, 30_000);

  return dnsSource({ name }, full, async (lookup) => {
    const services = await lookup.services(name);
    if (isLeft(services)) return left(services.left);
    const { usable, unusable } = parted(services.right);
    const records = preferred(usable);
    if (records.length === 0) return left(unusable ?? noRecords(name));
    const found = await lookup.addresses([...new Set(records.map((record) => record.name))]);
    if (isLeft(found)) return left(found.left);
    const { addresses, ttlMs, fault } = found.right;
    return right({
      endpoints: endpointsOf(full.scheme, records, addresses),
      ttlMs,
      fault: fault ?? unusable,
    });
  });
}

/**
 * Separates records with an invalid port, such as 0. The target `.` means no service, whatever its
 * port.
 */
function parted(records: readonly SrvRecord[]): {
  readonly usable: readonly SrvRecord[];
  /** The fault of the first unusable record. */
  readonly unusable: DnsFailed | undefined;
} {
  const isUsable = ({ name, port }: SrvRecord): boolean =>
    name === "" || name === "." || (Number.isInteger(port) && port >= 1 && port <= 65_535);
  const bad = records.find((record) => !isUsable(record));
  if (bad === undefined) return { usable: records, unusable: undefined };
  const cause = rangeError("port", "an integer from 1 to 65535", bad.port);
  return { usable: records.filter(isUsable), unusable: dnsFailed(bad.name, "SRV", "EBADRESP", cause) };
}

function preferred(records: readonly SrvRecord[]): readonly SrvRecord[] {
  const offered = records.filter(({ name }) => name !== "" && name !== ".");
  const lowest = Math.min(...offered.map(({ priority }) => priority));
  return offered
    .filter(({ priority }) => priority === lowest)
    .toSorted(({ name: a }, { name: b }) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Merges records that lead to the same address and port, and adds up their weights. */
function endpointsOf(
  scheme: string,
  records: readonly SrvRecord[],
  addresses: ReadonlyMap<string, readonly string[]>,
): readonly DnsEndpoint[] {
  const byKey = new Map<string, DnsEndpoint & { readonly weight: number }>();
  for (const { name: host, port, weight } of records) {
    const own = new Set(addresses.get(host));
    const share = (weight > 0 ? weight : smallWeight) / own.size;
    for (const address of own) {
      const key = originOf(scheme, address, port);
      const same = byKey.get(key);
      byKey.set(key, { key, host: same?.host ?? host, address, port, weight: share + (same?.weight ?? 0) });
    }
  }
  return [...byKey.values()];
}
