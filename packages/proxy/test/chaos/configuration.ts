import type { Origin } from "./origins.ts";

/** Where the proxy listens in a run. */
export interface Ports {
  readonly main: number;
  readonly admin: number;
}

/**
 * A proxy in front of the origins, with all policies that matter for the faults here.
 *
 * @param version Changes an irrelevant setting, so that the configuration differs.
 */
export function configuration(origins: readonly Origin[], ports: Ports, version: number): string {
  const endpoints = (kind: Origin["kind"]): string[] =>
    origins.filter((origin) => origin.kind === kind).map(({ url }) => url);
  const cluster = {
    outliers: { interval: "1s", ejection: "1s", maxEjection: "2s", maxEjected: "50%" },
    pool: { connectTimeout: "1s" },
    policies: { timeout: "1500ms", circuitBreaker: { open: "500ms", maxOpen: "2s" } },
  };
  const retry = { attempts: 3, budget: { ratio: "20%", minPerSecond: 10 + (version % 7) } };
  return JSON.stringify({
    listeners: [
      {
        name: "main",
        address: `127.0.0.1:${ports.main}`,
        routes: [
          {
            name: "uploads",
            match: { path: { prefix: "/post" } },
            clusters: weighted(),
            policies: { timeout: "3s", retry },
          },
          { name: "all", clusters: weighted(), policies: { timeout: "3s", retry } },
        ],
      },
    ],
    clusters: {
      plain: { ...cluster, endpoints: endpoints("http1") },
      multiplexed: { ...cluster, endpoints: endpoints("http2"), protocol: "http2" },
    },
    admin: { address: `127.0.0.1:${ports.admin}` },
    log: { accessRatio: "100%" },
    workers: 2,
    watchdog: { timeout: "3s" },
  });
}

function weighted(): object[] {
  return [
    { cluster: "plain", weight: 2 },
    { cluster: "multiplexed", weight: 1 },
  ];
}
