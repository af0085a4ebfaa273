import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { meshPrefix, meshRoutes, type Peer, type Place } from "./peer.ts";

/** What the proxy is configured with. */
export type Configuration = "plain" | "mesh";

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
  const text = { plain, mesh }[configuration];
  return {
    name,
    label,
    ...(configuration === "mesh" && { isMesh: true }),
    version: () =>
      (
        JSON.parse(readFileSync(join(checkout, "packages/proxy/package.json"), "utf8")) as {
          readonly version: string;
        }
      ).version,
    command: (place) => {
      const file = join(place.folder, "pagoda.yaml");
      writeFileSync(file, text(place));
      return [process.execPath, join(checkout, "packages/proxy/src/main.ts"), "run", "-c", file];
    },
  };
}

/** One route, one cluster, one endpoint. */
function plain(place: Place): string {
  return `listeners:
  - ${listener(place)}
    routes:
      - { name: all, cluster: origin }
clusters:
  origin:
    endpoints: ["http://${place.origins[0]}"]
    ${cluster(place)}
${operation(place)}`;
}

/**
 * 100 routes, each with a retry and a concurrency limit; a rate limit for each client; a cluster with four endpoints,
 * peak EWMA, outlier detection and a circuit breaker. No limit is reached.
 */
function mesh(place: Place): string {
  const routes = Array.from({ length: meshRoutes }, (_, i) => {
    const prefix = meshPrefix.replace(/\d+$/, String(i));
    return `      - name: service-${i}
        match: { path: { prefix: ${prefix} } }
        cluster: origin
        policies: { retry: {}, concurrencyLimit: 10000 }`;
  });
  return `listeners:
  - ${listener(place)}
    policies:
      rateLimit: { perClient: { rate: 1000000/s, burst: 1000000 } }
    routes:
${routes.join("\n")}
clusters:
  origin:
    endpoints: [${place.origins.map((origin) => `"http://${origin}"`).join(", ")}]
    ${cluster(place)}
    balance: peak-ewma
    outliers: {}
    policies:
      circuitBreaker: {}
${operation(place)}`;
}

function listener({ port, front, certificate: { certificate, key } }: Place): string {
  const tls = `\n    tls: { certificates: [{ certificate: ${certificate}, key: ${key} }] }`;
  return `address: 127.0.0.1:${port}${front === "tls" ? tls : ""}`;
}

function cluster({ back }: Place): string {
  return `protocol: ${back}`;
}

/** One worker, since the proxy has one core. */
function operation({ adminPort }: Place): string {
  return `admin: { address: 127.0.0.1:${adminPort} }
log: { level: warn }
workers: 1
`;
}
