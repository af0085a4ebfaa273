import type { EndpointSource } from "@pagoda/core";
import type { DnsEndpoint, DnsFault, Resolver } from "@pagoda/discovery";
import { type VirtualClock, virtualClock } from "@pagoda/core/testing";

/** Addresses with their TTL in seconds, a code to fail with, or silence. */
export type Scripted = readonly (readonly [address: string, ttl: number])[] | string | "silent";

/** SRV records: priority, weight, port, target; or a code to fail with. */
export type ScriptedSrv = readonly (readonly [number, number, number, string])[] | string;

/** A resolver controlled by the test. */
export interface FakeDns {
  readonly resolver: Resolver;
  /** By type and name, `A api.test`; NXDOMAIN for all others. */
  readonly records: Map<string, Scripted>;
  readonly services: Map<string, ScriptedSrv>;
  /** All queries so far, with their times. */
  readonly queries: { readonly atMs: number; readonly query: string }[];
  /** Number of queries in flight. */
  pending: number;
  cancelled: number;
}

export function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

export function fakeDns(clock: VirtualClock = virtualClock()): FakeDns {
  const unanswered = new Set<(error: Error) => void>();

  async function answer<T>(query: string, scripted: T | string): Promise<T> {
    fake.queries.push({ atMs: clock.now(), query });
    if (typeof scripted !== "string") return scripted;
    if (scripted !== "silent") throw coded(scripted);
    fake.pending++;
    return new Promise((_resolve, reject) => {
      unanswered.add(reject);
    });
  }
  const addresses = async (type: string, name: string) => {
    const query = `${type} ${name}`;
    const found = await answer(query, fake.records.get(query) ?? "ENOTFOUND");
    return (found as Exclude<Scripted, string>).map(([address, ttl]) => ({ address, ttl }));
  };

  const fake: FakeDns = {
    records: new Map(),
    services: new Map(),
    queries: [],
    pending: 0,
    cancelled: 0,
    resolver: {
      resolve4: (host) => addresses("A", host),
      resolve6: (host) => addresses("AAAA", host),
      async resolveSrv(name) {
        const found = await answer(`SRV ${name}`, fake.services.get(name) ?? "ENOTFOUND");
        return (found as Exclude<ScriptedSrv, string>).map(([priority, weight, port, target]) => ({
          priority,
          weight,
          port,
          name: target,
        }));
      },
      cancel() {
        fake.cancelled++;
        for (const reject of unanswered) reject(coded("ECANCELLED"));
        unanswered.clear();
        fake.pending = 0;
      },
    },
  };
  return fake;
}

export function keys(source: EndpointSource<DnsEndpoint, DnsFault>): readonly string[] {
  return source.endpoints.map(({ key }) => key);
}
