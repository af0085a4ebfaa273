import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Place } from "./peers.ts";

/** What the proxy is configured with. */
export type Configuration = "plain" | "mesh";

/** The configurations, by what they contain. */
const configurations: Readonly<
  Record<Configuration, { readonly path: string; readonly text: (place: Place) => string }>
> = {
  plain: { path: "/", text: plain },
  mesh: { path: "/service-50/items", text: mesh },
};

/**
 * The `pagoda` program of a checkout, with one worker.
 *
 * @param checkout A folder with the repository, installed.
 */
export function pagoda(
  checkout: string,
  configuration: Configuration,
  { name, label }: Pick<Peer, "name" | "label">,
): Peer {
  const { path, text } = configurations[configuration];
  return {
    name,
    label,
    path,
    command: (place) => {
      const file = join(place.folder, "pagoda.yaml");
      writeFileSync(file, text(place));
      return [process.execPath, join(checkout, "packages/proxy/src/main.ts"), "run", "-c", file];
    },
    readyUrl: ({ adminPort }) => `http://127.0.0.1:${adminPort}/readyz`,
  };
}

/** One route, one cluster, one endpoint. */
function plain(place: Place): string {
  return `listeners:
  - address: 127.0.0.1:${place.port}
    routes:
      - { name: all, cluster: origin }
clusters:
  origin:
    endpoints: [${place.origins[0]}]
${operation(place)}`;
}

/**
 * 100 routes, each with a retry and a concurrency limit; a rate limit for each client; a cluster with four endpoints,
 * peak EWMA, outlier detection and a circuit breaker. No limit is reached.
 */
function mesh(place: Place): string {
  const routes = Array.from(
    { length: 100 },
    (_, i) => `      - name: service-${i}
        match: { path: { prefix: /service-${i} } }
        cluster: origin
        policies: { retry: {}, concurrencyLimit: 10000 }`,
  );
  return `listeners:
  - address: 127.0.0.1:${place.port}
    policies:
      rateLimit: { perClient: { rate: 1000000/s, burst: 1000000 } }
    routes:
${routes.join("\n")}
clusters:
  origin:
    endpoints: [${place.origins.join(", ")}]
    balance: peak-ewma
    outliers: {}
    policies:
      circuitBreaker: {}
${operation(place)}`;
}

/** One worker, since the proxy has one core. */
function operation({ adminPort }: Place): string {
  return `admin: { address: 127.0.0.1:${adminPort} }
log: { level: warn }
workers: 1
`;
}
