import { checkInteger, checkOption, type EndpointSource, isLeft, left, right } from "@pagoda/core";
import { checked, type DnsSettings } from "./options.ts";
import { type DnsEndpoint, type DnsFault, originOf } from "./records.ts";
import { dnsSource } from "./refresh.ts";

/** Options of {@link dnsEndpoints}. */
export interface DnsEndpointsOptions extends DnsSettings {
  /** Name whose addresses are the endpoints. An address stands for itself. */
  readonly host: string;
  /** Port of all endpoints: 1 to 65,535. */
  readonly port: number;
}

/**
 * Discovers the addresses of a name (A and AAAA), each as an endpoint. Use it for a name that
 * stands for several equivalent servers: a headless service in Kubernetes, a name with several A
 * records.
 *
 * It refreshes when the lowest TTL expires. If a query fails, its last addresses are kept,
 * separately for each record type: a server that fails for AAAA does not remove the A records.
 * Failed queries are retried after `failureMs`, which doubles each time.
 *
 * A negative answer (NXDOMAIN, NODATA) is an answer, but failing servers give it, too, and
 * accepting it causes an outage. So it must persist for `emptyAfterMs` before the list becomes
 * empty. With 0 it is accepted at once.
 *
 * Errors: {@link DnsFault}, to the observer and in `started`.
 *
 * Cost: two queries per refresh; none per call.
 *
 * Source: Envoy's `STRICT_DNS` for what counts as an answer, HAProxy's `hold nx` for accepting it
 * after 30 s.
 *
 * @throws RangeError when an option is out of range.
 */
export function dnsEndpoints({
  host,
  port,
  ...settings
}: DnsEndpointsOptions): EndpointSource<DnsEndpoint, DnsFault> {
  checkOption("dnsEndpoints: host", host, host !== "", "a name or an address");
  checkInteger("dnsEndpoints: port", port, { min: 1, max: 65_535 });
  const full = checked("dnsEndpoints", settings, 300_000);

  return dnsSource({ host, port }, full, async (lookup) => {
    const found = await lookup.addresses([host]);
    if (isLeft(found)) return left(found.left);
    const { addresses, ttlMs, fault } = found.right;
    const unique = new Set(addresses.get(host));
    const endpoints = Array.from(unique, (address) => ({
      key: originOf(full.scheme, address, port),
      host,
      address,
      port,
    }));
    return right({ endpoints, ttlMs, fault });
  });
}
