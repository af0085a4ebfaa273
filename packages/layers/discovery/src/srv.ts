import type { SrvRecord } from "node:dns";
import { checkOption, rangeError } from "@pagoda/core";
import { isLeft, left, right } from "fp-ts/lib/Either.js";
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
import type { Source } from "./source.ts";

export interface SrvEndpointsOptions extends DnsSettings {
  /** The whole name: `_http._tcp.api.example.com`. */
  readonly name: string;
}

/** What the weight 0 counts: RFC 2782 asks for a very small chance, and balancers take weights over 0. */
const smallWeight = 0.1;

/**
 * The servers that SRV records name, with the ports and weights that these give. Use it where a registry speaks DNS:
 * Consul, Kubernetes with named ports.
 *
 * Only the records of the lowest priority count. Each target is resolved, and each of its addresses is an endpoint:
 * so a balancer sees all there are, and a target that moves. They share the target's weight. The target stays beside
 * them as `host`, for TLS. The target `.` says that there is no service.
 *
 * Node gives no TTL for SRV records. So it asks again when the first TTL of an address has ended, and after `maxTtlMs`
 * at the latest, by default sooner than `dnsEndpoints` does. A target that has no answer keeps the addresses it had.
 * All else is as with `dnsEndpoints`.
 *
 * Cost: a query each time, and two for each target; nothing on the path of a call.
 *
 * Source: RFC 2782.
 *
 * @throws RangeError when an option is out of range.
 */
export function srvEndpoints({ name, ...settings }: SrvEndpointsOptions): Source<DnsEndpoint, DnsFault> {
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

/** A port of 0 cannot be connected to. The target `.` says that there is nothing, and its port means nothing. */
function parted(records: readonly SrvRecord[]): {
  readonly usable: readonly SrvRecord[];
  /** Of the first record that has been left out. */
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

/** Two records may lead to the same place, under one name or two: then it has both shares. */
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
