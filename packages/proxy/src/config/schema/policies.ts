import { z } from "zod";
import { fields, name, some, text, whole, word } from "./fields.ts";
import { duration, durationOrNone, rate, ratio, size } from "./units.ts";

const limit = fields({
  rate: rate.describe("How many pass in the long run."),
  burst: whole(1, 1_000_000_000)
    .optional()
    .describe("How many pass at once after a pause. Default: those of a second."),
});

const rateLimit = fields({
  global: limit.optional().describe("Over all calls."),
  perClient: limit
    .extend({
      by: z
        .union([word(["address", "identity"]), fields({ header: text })], {
          error: "valid is address, identity, or { header: NAME }",
        })
        .default("address")
        .describe("Who a client is: its address, its certificate's identity, or what a header says."),
      maxClients: whole(1, 10_000_000).default(100_000).describe("How many are kept in mind at once."),
    })
    .optional()
    .describe("For each client."),
}).refine(({ global, perClient }) => global !== undefined || perClient !== undefined, {
  error: "valid is global, perClient, or both",
});

const adaptive = fields({
  algorithm: word(["gradient2", "vegas", "aimd"]),
  initial: whole(1, 100_000).optional(),
  min: whole(1, 100_000).optional(),
  max: whole(1, 100_000).optional(),
});

const concurrencyLimit = z.union([whole(1, 1_000_000), adaptive], {
  error: "valid is a whole number from 1 to 1000000, or { algorithm: gradient2, vegas or aimd }",
});

const retry = fields({
  attempts: whole(1, 100).default(3).describe("Tries in all, the first one counted."),
  backoff: fields({
    base: duration.default(25),
    max: duration.default(250),
  }).prefault({}),
  budget: fields({
    ratio: ratio.default(0.2).describe("Further tries for each call."),
    minPerSecond: z.number().min(0).max(1_000_000).default(10).describe("Further tries in any case."),
  }).prefault({}),
  maxRetryAfter: durationOrNone.default(5_000).describe("The longest wait that an upstream may ask for."),
  maxBody: size.default(65_536).describe("Bodies up to here are recorded, and can be sent again."),
});

const hedge = fields({
  maxExtraLoad: ratio.default(0.01).describe("How much more load there may be."),
  minSamples: whole(1, 1_000_000).default(100).describe("Calls that must have been measured."),
});

const fault = fields({
  delay: fields({ ratio, time: duration }).optional(),
  failure: fields({ ratio, status: whole(400, 599).default(503) }).optional(),
});

const mirror = fields({
  cluster: name.describe("Where the copies go."),
  ratio: ratio.default(1).describe("The share of calls that are copied."),
  maxInFlight: whole(1, 100_000).optional(),
  timeout: duration.optional(),
});

const rule = fields({
  name,
  effect: word(["allow", "deny"]),
  from: fields({
    identities: some(text).optional(),
    addresses: some(text).optional(),
  }).optional(),
  to: fields({
    methods: some(text).optional(),
    paths: some(text).optional(),
    hosts: some(text).optional(),
    routes: some(name).optional(),
  }).optional(),
});

const authorize = fields({
  rules: some(rule),
  otherwise: word(["allow", "deny"])
    .optional()
    .describe("Where no rule matches. Default: deny if any rule allows."),
});

const circuitBreaker = fields({
  failures: whole(1, 100_000).default(5).describe("Failures in a row that open it."),
  successRate: ratio.default(0.8).describe("It opens when fewer calls succeed."),
  window: duration.default(30_000),
  minCalls: whole(1, 1_000_000).default(5),
  open: duration.default(5_000).describe("How long it is open at first; doubles with each failed probe."),
  maxOpen: duration.default(300_000),
  probes: whole(1, 1_000).default(1),
});

/** Around all routes of a listener. */
export const listenerPolicies = fields({
  authorize: authorize.optional(),
  rateLimit: rateLimit.optional(),
  concurrencyLimit: concurrencyLimit.optional(),
});

/** Of one route. */
export const routePolicies = fields({
  authorize: authorize.optional(),
  rateLimit: rateLimit.optional(),
  concurrencyLimit: concurrencyLimit.optional(),
  buffer: fields({ capacity: whole(1, 1_000_000), maxWait: duration.optional() }).optional(),
  timeout: durationOrNone
    .default(15_000)
    .describe("From the end of the request to the response's head, all tries."),
  mirror: mirror.optional(),
  retry: retry.optional(),
  hedge: hedge.optional(),
  fault: fault.optional(),
});

/** Around a cluster, and around each of its endpoints. */
export const clusterPolicies = fields({
  failfast: duration.optional().describe("With no endpoint ready for so long, refuse at once."),
  concurrencyLimit: concurrencyLimit.optional().describe("For each endpoint."),
  circuitBreaker: circuitBreaker.optional().describe("For each endpoint."),
  timeout: durationOrNone.optional().describe("For each try."),
});

export type ListenerPolicies = z.output<typeof listenerPolicies>;
export type RoutePolicies = z.output<typeof routePolicies>;
export type ClusterPolicies = z.output<typeof clusterPolicies>;
export type RateLimitPolicy = z.output<typeof rateLimit>;
export type ConcurrencyPolicy = z.output<typeof concurrencyLimit>;
export type AuthorizePolicy = z.output<typeof authorize>;
