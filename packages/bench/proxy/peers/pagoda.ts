import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { meshPrefix, meshRoutes, type Peer, type Place } from "./peer.ts";

/** What the proxy is configured with. */
export type Configuration = "plain" | "mesh";

/** What can be left out of a mesh. */
export const parts = [
  "rate-limit",
  "retry",
  "concurrency-limit",
  "circuit-breaker",
  "outliers",
  "peak-ewma",
  "endpoints",
] as const;
export type Part = (typeof parts)[number];

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
  return program(checkout, { name, label }, (place) => text(place), configuration === "mesh");
}

/** The mesh without one of its parts, for the share of each. */
export function pagodaWithout(checkout: string, part: Part): Peer {
  const name = `without-${part}`;
  return program(
    checkout,
    { name, label: `pagoda, mesh without ${part}` },
    (place) => mesh(place, part),
    true,
  );
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
function mesh(place: Place, without?: Part): string {
  const unless = (part: Part, text: string): string => (part === without ? "" : text);
  const policies = [unless("retry", "retry: {}"), unless("concurrency-limit", "concurrencyLimit: 10000")];
  const routes = Array.from({ length: meshRoutes }, (_, i) => {
    const prefix = meshPrefix.replace(/\d+$/, String(i));
    return `      - name: service-${i}
        match: { path: { prefix: ${prefix} } }
        cluster: origin
        policies: { ${policies.filter(Boolean).join(", ")} }`;
  });
  const origins = without === "endpoints" ? place.origins.slice(0, 1) : place.origins;
  return `listeners:
  - ${listener(place)}
    policies:
      ${unless("rate-limit", "rateLimit: { perClient: { rate: 1000000/s, burst: 1000000 } }") || "{}"}
    routes:
${routes.join("\n")}
clusters:
  origin:
    endpoints: [${origins.map((origin) => `"http://${origin}"`).join(", ")}]
    ${cluster(place)}
    ${unless("peak-ewma", "balance: peak-ewma")}
    ${unless("outliers", "outliers: {}")}
    policies:
      ${unless("circuit-breaker", "circuitBreaker: {}") || "{}"}
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

function program(
  checkout: string,
  { name, label }: Pick<Peer, "name" | "label">,
  text: (place: Place) => string,
  isMesh: boolean,
): Peer {
  return {
    name,
    label,
    ...(isMesh && { isMesh }),
    version: () => versionOf(checkout),
    command: (place) => {
      const file = join(place.folder, "pagoda.yaml");
      writeFileSync(file, text(place));
      return [process.execPath, join(checkout, "packages/proxy/src/main.ts"), "run", "-c", file];
    },
  };
}

function versionOf(checkout: string): string {
  const text = readFileSync(join(checkout, "packages/proxy/package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
