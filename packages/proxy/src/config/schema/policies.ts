import { ipv6ClientBits } from "@pagoda/core";
import { z } from "zod";
import { fields, flag, name, some, text, whole, word } from "./fields.ts";
import {
  duration,
  durationOrNone,
  rate,
  ratio,
  ratioBelowAll,
  ratioOverNone,
  size,
  window,
} from "./units.ts";

const limit = fields({
  rate: rate.describe("How many pass in the long run."),
  burst: whole(1, 1_000_000_000)
    .optional()
    .describe("How many pass at once after a pause. Default: those of a second."),
});

const client = {
  by: z
    .union(
      [word(["address", "identity"]), fields({ header: text.describe("The name of a header field.") })],
      {
        error: "valid is address, identity, or { header: NAME }",
      },
    )
    .default("address")
    .describe("Who a client is: its address, its certificate's identity, or what a header says."),
  ipv6Prefix: whole(1, 128)
    .default(ipv6ClientBits)
    .describe(
      "IPv6 addresses with this many leading bits in common count as one client: a site usually has a whole /64.",
    ),
};

const rateLimit = fields({
  global: limit.optional().describe("Over all calls."),
  perClient: limit
    .extend({
      ...client,
      maxClients: whole(1, 10_000_000).default(100_000).describe("How many are kept in mind at once."),
    })
    .optional()
    .describe("For each client."),
}).refine(({ global, perClient }) => global !== undefined || perClient !== undefined, {
  error: "valid is global, perClient, or both",
});

const clientConcurrency = fields({
  limit: whole(1, 1_000_000).describe("Requests of one client at once."),
  ...client,
});

const adaptive = fields({
  algorithm: word(["gradient2", "vegas", "aimd"]).describe("How the limit is learned."),
  initial: whole(1, 100_000).optional().describe("Where it begins. Default: the algorithm's."),
  min: whole(1, 100_000).optional().describe("It never falls below. Default: the algorithm's."),
  max: whole(1, 100_000).optional().describe("It never rises above. Default: the algorithm's."),
});

const concurrencyLimit = z.union([whole(1, 1_000_000), adaptive], {
  error: "valid is a whole number from 1 to 1000000, or { algorithm: gradient2, vegas or aimd }",
});

const grpcStatuses = [
  "cancelled",
  "unknown",
  "invalid-argument",
  "deadline-exceeded",
  "not-found",
  "already-exists",
  "permission-denied",
  "resource-exhausted",
  "failed-precondition",
  "aborted",
  "out-of-range",
  "unimplemented",
  "internal",
  "unavailable",
  "data-loss",
  "unauthenticated",
] as const;

const invalidStatus = { error: "must be a status from 400 to 599, 4xx or 5xx" };
const retriedStatus = z.union(
  [z.int(invalidStatus).min(400, invalidStatus).max(599, invalidStatus), z.enum(["4xx", "5xx"])],
  invalidStatus,
);

const retryOn = fields({
  statuses: z
    .array(retriedStatus, { error: "must be a list" })
    .default([429, 502, 503, 504])
    .describe("Response statuses that are retried: `503`, or `5xx` for all. `[]`: none."),
  grpc: z
    .array(word(grpcStatuses), { error: "must be a list" })
    .default(["unavailable", "resource-exhausted"])
    .describe("gRPC statuses that are retried. `[]`: none."),
  connectFailure: flag
    .default(true)
    .describe("Retry calls that were never processed (no connection, stream refused), whatever the method."),
  reset: flag
    .default(true)
    .describe(
      "Retry after the origin closed or reset the connection, sent a malformed response, or did not answer in time.",
    ),
  methods: some(text)
    .default(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
    .describe("Methods that may reach an origin twice. Default: the idempotent ones."),
}).refine(
  ({ statuses, grpc, connectFailure, reset }) =>
    statuses.length > 0 || grpc.length > 0 || connectFailure || reset,
  { error: "must name at least one condition" },
);

const retry = fields({
  on: retryOn.prefault({}).describe("Retry conditions, as in Envoy's `retry_on`."),
  attempts: whole(1, 100).default(3).describe("Tries in all, the first one counted."),
  backoff: fields({
    base: duration
      .prefault("25ms")
      .describe("At most so long before the second try; twice as long before each further one."),
    max: duration.prefault("250ms").describe("At most so long before any. How long in fact, chance says."),
  })
    .prefault({})
    .describe("The pause before a further try."),
  budget: fields({
    ratio: ratio.prefault("20%").describe("Further tries for each call."),
    minPerSecond: z
      .number({ error: "valid is a number from 0 to 1000000" })
      .min(0, { error: "valid is a number from 0 to 1000000" })
      .max(1_000_000, { error: "valid is a number from 0 to 1000000" })
      .default(10)
      .describe("Further tries in any case."),
  })
    .prefault({})
    .describe(
      "How many further tries there may be beside the calls, so that an origin in trouble is not buried.",
    ),
  maxRetryAfter: durationOrNone.prefault("5s").describe("The longest wait that an upstream may ask for."),
  maxBody: size.prefault("64KiB").describe("Bodies up to here are recorded, and can be sent again."),
});

const hedge = fields({
  maxExtraLoad: ratioBelowAll.prefault("1%").describe("How much more load there may be."),
  window: window.prefault("10s").describe("How long a period is: the last whole one says what is slow."),
  minSamples: whole(1, 1_000_000).default(100).describe("Calls that it must have shown."),
});

const fault = fields({
  delay: fields({
    ratio: ratio.describe("The share of calls that wait."),
    time: duration.describe("How long they do."),
  })
    .optional()
    .describe("Holds up calls."),
  failure: fields({
    ratio: ratio.describe("The share of calls that fail."),
    status: whole(400, 599).default(503).describe("What they are answered with."),
  })
    .optional()
    .describe("Fails calls, which go no further."),
}).refine(({ delay, failure }) => delay !== undefined || failure !== undefined, {
  error: "valid is delay, failure, or both",
});

const mirror = fields({
  cluster: name.describe("Where the copies go."),
  ratio: ratio.prefault("100%").describe("The share of calls that are copied."),
  maxInFlight: whole(1, 100_000)
    .optional()
    .describe("Copies under way at once; others are not made. Default: the layer's."),
  timeout: duration.optional().describe("How long a copy may take. Default: the layer's."),
});

const rule = fields({
  name: name.describe("Says in logs and metrics which rule it was."),
  effect: word(["allow", "deny"]).describe(
    "What becomes of a request that all of it is true of. A rule that denies wins.",
  ),
  from: fields({
    identities: some(text)
      .optional()
      .describe(
        "Identities in clients' certificates: `spiffe://mesh/shop/*`. A trusted proxy's certificate does not identify its clients.",
      ),
    addresses: some(text)
      .optional()
      .describe("Client addresses or networks, also behind a trusted proxy: `10.0.0.0/8`."),
  })
    .optional()
    .describe("Who asks. Default: anybody."),
  to: fields({
    methods: some(text).optional().describe("`GET`. It does not stand for `HEAD`."),
    paths: some(text).optional().describe("`/cart`, or `/api/*` for it and all below it."),
    hosts: some(text).optional().describe("`shop.example`, or `*.shop.example`. Without port."),
    routes: some(name).optional().describe("Names of routes; only in the policies of a route."),
  })
    .optional()
    .describe("What is asked for. Default: anything."),
});

const authorize = fields({
  rules: some(rule).describe("Each is true of some requests."),
  otherwise: word(["allow", "deny"])
    .optional()
    .describe("Where no rule matches. Default: deny if any rule allows."),
});

const circuitBreaker = fields({
  failures: whole(1, 100_000).default(5).describe("Failures in a row that open it."),
  successRate: ratioOverNone.prefault("80%").describe("It opens when fewer calls succeed."),
  window: window.prefault("30s").describe("The time over which the rate is taken."),
  minCalls: whole(1, 1_000_000).default(5).describe("With fewer calls in it the rate says nothing."),
  open: duration.prefault("5s").describe("How long it is open at first; doubles with each failed probe."),
  maxOpen: duration.prefault("300s").describe("How long at most."),
  probes: whole(1, 1_000).default(1).describe("Calls that find out whether it is well again."),
});

const common = {
  authorize: authorize.optional().describe("Who may pass: others get 403."),
  rateLimit: rateLimit
    .optional()
    .describe("How many calls pass in a time, over all workers; others get 429."),
  clientConcurrency: clientConcurrency
    .optional()
    .describe(
      "How many requests one client may have under way at once, in each worker, until it has received their responses; others get 429. Default: no limit, because behind a gateway that is not in `trustedProxies` all clients look like one.",
    ),
  concurrencyLimit: concurrencyLimit
    .optional()
    .describe(
      "How many calls may be under way at once, in each worker: a number, or one that is learned. Others get 503.",
    ),
};

/** Around all routes of a listener. */
export const listenerPolicies = fields(common);

/** Of one route. */
export const routePolicies = fields({
  ...common,
  buffer: fields({
    capacity: whole(1, 1_000_000).describe("Calls that may wait at once."),
    maxWait: duration.optional().describe("Longest wait. Default: 3s."),
  })
    .optional()
    .describe("Lets calls wait that would be refused for there are too many."),
  timeout: durationOrNone
    .prefault("15s")
    .describe(
      "How long the upstream may take to receive the request and begin its response, over all tries. Time spent waiting for the client's upload does not count. 0ms: no limit.",
    ),
  mirror: mirror.optional().describe("Copies calls to another cluster, whose answers nobody waits for."),
  retry: retry.optional().describe("Makes a call again that failed, where that does no harm."),
  hedge: hedge.optional().describe("Makes a call that takes long a second time; the first answer wins."),
  fault: fault.optional().describe("Delays and fails calls on purpose."),
});

/** Around a cluster, and around each of its endpoints. */
export const clusterPolicies = fields({
  failfast: duration
    .optional()
    .describe("With no endpoint ready for so long, refuse at once. Default: never."),
  concurrencyLimit: concurrencyLimit.optional().describe("For each endpoint, in each worker."),
  circuitBreaker: circuitBreaker.optional().describe("For each endpoint: leaves one alone that fails."),
  timeout: durationOrNone
    .optional()
    .describe("For each try, until the response's head. Default: the route's alone."),
});

export type ListenerPolicies = z.output<typeof listenerPolicies>;
export type RoutePolicies = z.output<typeof routePolicies>;
export type ClusterPolicies = z.output<typeof clusterPolicies>;
export type RateLimitPolicy = z.output<typeof rateLimit>;
export type ClientConcurrencyPolicy = z.output<typeof clientConcurrency>;
export type ConcurrencyPolicy = z.output<typeof concurrencyLimit>;
export type AuthorizePolicy = z.output<typeof authorize>;
