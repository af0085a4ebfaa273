import type { Description } from "@pagoda/core";

/** Complete state of each layer, as the layers describe it. */
const states: Readonly<Record<string, NonNullable<Description["state"]>>> = {
  metrics: { inFlight: 1, series: 10 },
  "rate-limit": { globalLeft: 9, keys: 1, waiting: 0 },
  jwt: { cached: 1, keysAgeMs: 60_000 },
  "load-shed": { shed: 0 },
  buffer: { queued: 0, oldestMs: 0, waiting: 0 },
  failfast: { phase: "waiting", sinceMs: 100, waiting: 1, refused: 0 },
  fallback: { fellBack: 0 },
  cache: { hits: 2, stale: 0, validated: 1, misses: 3, collapsed: 0, entries: 1, bytes: 600 },
  coalesce: { keys: 0, callers: 0 },
  retry: { budgetLeft: 100, waiting: 0, retries: 0 },
  hedge: { delayMs: 30, hedges: 0, wins: 0, budgetLeft: 0 },
  "concurrency-limit": { limit: 20, inFlight: 0, waiting: 0, rttMs: 12 },
  fault: { delayed: 0, failed: 0 },
  balance: { endpoints: 1, healthy: 1, panicking: false },
};

const breaker = {
  phase: "open",
  reason: "success-rate",
  retryAfterMs: 2_500,
  probesInFlight: 0,
  consecutiveFailures: 5,
  successRate: 0.5,
  calls: 10,
  waiting: 0,
};

const transport: Description = {
  name: "transport",
  state: { inFlight: 0, waiting: 0, connections: 1, idle: 1 },
};

/** A stack of all layers with state. */
export const described: Description = Object.entries(states).reduceRight<Description>(
  (inner, [name, state]) => ({ name, state, inner: [inner] }),
  {
    name: "endpoint",
    options: { key: "http://10.0.0.7:8080", weight: 1 },
    state: { pending: 0, ready: true, healthy: true, share: 0.5 },
    inner: [{ name: "circuit-breaker", state: breaker, inner: [transport] }],
  },
);
