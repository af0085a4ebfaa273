import { z } from "zod";
import { fields, name, some, text, whole, word } from "../../schema/fields.ts";
import { duration, latency, moment, rate } from "../../schema/units.ts";
import { latencyBound, numberBound, shareBound } from "./bound.ts";
import { effect } from "./effect.ts";
import { target } from "./target.ts";

const load = fields({
  route: name.describe("Route whose requests are made."),
  listener: name.optional().describe("Its listener. Required only if several have a route of this name."),
  rate: rate.describe("Requests per second, on average: each arrives independently of the others."),
  for: duration.describe("How long requests arrive."),
  at: moment.prefault("0s").describe("When they begin to arrive."),
  clients: whole(1, 1_000_000)
    .default(100)
    .describe("Client addresses, for limits and hashes: each request comes from a random one."),
  method: text.min(1).optional().describe("Default: the first that the route takes, else GET."),
  path: text
    .regex(/^\/[!-~]*$/, { error: "must be a path as it is sent: / first, without spaces" })
    .optional()
    .describe("Path and query. Default: one that the route takes."),
  host: text.min(1).optional().describe("Default: one that the route takes."),
  headers: z
    .record(text, text, { error: "must be an object of header fields" })
    .optional()
    .describe("Header fields, besides those that the route requires to be present or to equal a value."),
  identity: text.min(1).optional().describe("Identity from the client certificate of all clients."),
  claims: z
    .record(text, z.unknown(), { error: "must be an object of claims" })
    .optional()
    .describe("Claims of the token of all clients, which `jwt` accepts in a simulation."),
});

const origin = fields({
  latency: fields({
    p50: latency.describe("Median time for a call."),
    p99: latency.describe("Time that 99% of calls do not exceed."),
  })
    .refine(({ p50, p99 }) => p50 <= p99, { path: ["p99"], error: "must not be shorter than p50" })
    .describe("Time to answer a call, log-normally distributed."),
  capacity: whole(1, 1_000_000)
    .optional()
    .describe("Calls that one endpoint works on at once. Default: no limit."),
  slowdown: word(["queue", "degrade"])
    .default("queue")
    .describe(
      "What more calls do than `capacity`. `queue`: they wait for their turn. `degrade`: all are worked on at once, and each that begins takes longer by the factor by which there are too many.",
    ),
  endpoints: whole(1, 10_000)
    .optional()
    .describe("How many endpoints are discovered. Required for a cluster that does not list its endpoints."),
});

const event = fields({
  at: moment.describe("When it begins."),
  origin: z
    .union([target, some(target)], {
      error:
        "must be a cluster such as shop, one of its endpoints such as shop[1], or several such as shop[0-3], or a list of these",
    })
    .describe(
      "Cluster, one of its endpoints such as `shop[1]`, or several such as `shop[0-3]`; or a list of them.",
    ),
  for: duration.optional().describe("How long it lasts. Default: to the end."),
  does: effect.describe(
    "`die`: calls in flight break, and connections are refused. `refuse`: connections are refused, calls in flight continue. `hang`: nothing is answered before the event is over. `slow x5`: calls take five times as long. `errors 30%`: this share is answered with 503. `flap 2s`: it dies and comes back in turns.",
  ),
});

/** The measurements that `expect` can bound. */
const expected = fields({
  success: shareBound.optional().describe("Share of requests answered with a status below 400."),
  p50: latencyBound.optional().describe("Median latency of those."),
  p90: latencyBound.optional().describe("Latency that 90% of those do not exceed."),
  p99: latencyBound.optional().describe("Latency that 99% of those do not exceed."),
  p999: latencyBound.optional().describe("Latency that 99.9% of those do not exceed."),
  amplification: numberBound.optional().describe("Calls to origins per request that was forwarded."),
});

/** The schema of the scenario file. */
export const scenarioSchema = fields({
  load: some(load).describe("Requests that clients make."),
  origins: z
    .record(name, origin, { error: "must be an object of origins by cluster" })
    .describe("How the endpoints of each cluster behave, by cluster."),
  events: z.array(event, { error: "must be a list" }).default([]).describe("What happens to them."),
  expect: expected
    .prefault({})
    .describe("Bounds that must hold, or `pagoda simulate` ends with exit code 1."),
});

export type Scenario = z.output<typeof scenarioSchema>;
export type Load = Scenario["load"][number];
export type OriginSettings = Scenario["origins"][string];
export type Event = Scenario["events"][number];
export type Expected = Scenario["expect"];
