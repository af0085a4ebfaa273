/** A scenario that is simulated and driven with real processes. */
export interface RealScenario {
  readonly name: string;
  readonly endpoints: number;
  /** The policies of the route. */
  readonly route: object;
  /** The cluster, without its endpoints. */
  readonly cluster: object;
  /** In file format. */
  readonly scenario: object;
}

/** At rates that two cores bear: proxy, origins and clients share the machine. */
export const scenarios: readonly RealScenario[] = [
  {
    name: "one of four endpoints is ten times as slow for a third of the time; peak EWMA",
    endpoints: 4,
    route: { timeout: "1s" },
    cluster: { balance: "peak-ewma" },
    scenario: {
      load: [{ route: "api", rate: "120/s", for: "30s" }],
      origins: { shop: { latency: { p50: "40ms", p99: "120ms" } } },
      events: [{ at: "10s", for: "10s", origin: "shop[1]", does: "slow x10" }],
    },
  },
  {
    name: "one of three endpoints dies and comes back; retries, health checks",
    endpoints: 3,
    route: { timeout: "2s", retry: { attempts: 3 } },
    cluster: { check: { type: "http", interval: "1s", timeout: "500ms" } },
    scenario: {
      load: [{ route: "api", rate: "120/s", for: "30s" }],
      origins: { shop: { latency: { p50: "40ms", p99: "120ms" } } },
      events: [{ at: "10s", for: "8s", origin: "shop[1]", does: "die" }],
    },
  },
  {
    name: "twice as many requests as two endpoints can answer, for a sixth of the time; a limit of 10 for each",
    endpoints: 2,
    route: { timeout: "1s" },
    cluster: { policies: { concurrencyLimit: 10 } },
    scenario: {
      load: [
        { route: "api", rate: "100/s", for: "30s" },
        { route: "api", rate: "200/s", for: "5s", at: "10s" },
      ],
      origins: { shop: { latency: { p50: "60ms", p99: "120ms" }, capacity: 5 } },
    },
  },
];
