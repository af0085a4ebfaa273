import { isDeepStrictEqual } from "node:util";
import type { ClusterConfig } from "../../config/schema/cluster.ts";
import { type Config, configSchema, type ListenerConfig } from "../../config/schema/config.ts";
import type { PolicyRegistry } from "../../policies/registry.ts";

/**
 * How a simulation differs from what `pagoda run` would do, by the settings of a configuration: a line
 * each. Policies name their own differences.
 */
export function differences(config: Config, policies: PolicyRegistry): readonly string[] {
  const { listeners, workers, stores } = config;
  const clusters = Object.values(config.clusters);
  const defaults = configSchema(policies).parse(smallest);
  const [listener, pool] = [
    limitsOf(defaults.listeners[0] as ListenerConfig),
    defaults.clusters["any"]?.pool,
  ];
  const notes: readonly (readonly [applies: boolean, note: string])[] = [
    [
      workers !== 1,
      "one worker is simulated: limits of each worker apply once, and all calls share its balancers",
    ],
    [
      Object.keys(stores).length > 0,
      "limits in stores are simulated as limits of this process, which has them to itself",
    ],
    [
      listeners.some(({ tls }) => tls !== undefined) || clusters.some(isSecured),
      "TLS is not simulated: handshakes take no time, and certificates are not checked",
    ],
    [
      listeners.some((each) => !isDeepStrictEqual(limitsOf(each), listener)),
      "connections of clients are not simulated: limits on their number and speed have no effect",
    ],
    [
      clusters.some(
        ({ pool: { maxConnections }, pool: its }) => !isDeepStrictEqual(its, { ...pool, maxConnections }),
      ),
      "connections to origins are opened at once and kept: time limits in `pool` have no effect",
    ],
    [
      clusters.some(({ proxy }) => proxy !== undefined),
      "forward proxies are not simulated: calls go straight to the endpoints",
    ],
  ];
  return notes.flatMap(([applies, note]) => (applies ? [note] : []));
}

/** A configuration in file format with nothing but defaults. */
const smallest = {
  listeners: [{ address: "127.0.0.1:1", routes: [{ name: "any", cluster: "any" }] }],
  clusters: { any: { endpoints: ["http://127.0.0.1:2"] } },
};

function limitsOf({ timeouts, maxConnections, maxConnectionsPerClient }: ListenerConfig): object {
  return { timeouts, maxConnections, maxConnectionsPerClient };
}

function isSecured({ tls, endpoints = [], dns, srv, kubernetes }: ClusterConfig): boolean {
  const urls = endpoints.map((each) => (typeof each === "string" ? each : each.url));
  return (
    tls !== undefined ||
    (dns ?? srv ?? kubernetes)?.scheme === "https" ||
    urls.some((url) => url.startsWith("https:"))
  );
}
