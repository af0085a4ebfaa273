import { checkInteger, checkOption } from "@pagoda/core";
import { isLeft, left, right } from "fp-ts/lib/Either.js";
import { checked, type DnsSettings } from "./options.ts";
import { type DnsEndpoint, type DnsFault, originOf } from "./records.ts";
import { dnsSource } from "./refresh.ts";
import type { Source } from "./source.ts";

export interface DnsEndpointsOptions extends DnsSettings {
  /** The name whose addresses are the endpoints. An address stands for itself. */
  readonly host: string;
  /** Where all of them listen: 1 to 65,535. */
  readonly port: number;
}

/**
 * The addresses of a name (A and AAAA), each an endpoint. Use it where a name stands for several servers that can
 * answer alike: a headless service in Kubernetes, a name with several A records.
 *
 * It asks again when the first TTL has ended. What the DNS does not answer stays as it was, the two types of record
 * apart: a server that fails for AAAA does not take away the A records. Who asks in vain asks again after `failureMs`,
 * doubled each time.
 *
 * That there is nothing (NXDOMAIN, NODATA) is an answer, but servers in trouble give it, too, and to believe it means
 * an outage. So it counts once it has stood for `emptyAfterMs`; then the list is empty. With 0 it counts at once.
 *
 * Errors: {@link DnsFault}, to the observer and in `started`.
 *
 * Cost: two queries each time; nothing on the path of a call.
 *
 * Source: Envoy's `STRICT_DNS` for what counts as an answer, HAProxy's `hold nx` for believing it after 30 s.
 *
 * @throws RangeError when an option is out of range.
 */
export function dnsEndpoints({
  host,
  port,
  ...settings
}: DnsEndpointsOptions): Source<DnsEndpoint, DnsFault> {
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
