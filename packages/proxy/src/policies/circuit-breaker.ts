import {
  anyOf,
  Breaker,
  circuitBreaker as circuitBreakerLayer,
  type CircuitBreakerObserver,
  type CircuitOpen,
  consecutiveFailures,
  successRate,
} from "@pagoda/circuit-breaker";
import type { Answer } from "@pagoda/respond";
import type { z } from "zod";
import { fields, whole } from "../schema/fields.ts";
import { checkOrder } from "../schema/report.ts";
import { duration, ratioOverNone, window } from "../schema/units.ts";
import { type EndpointEnvironment, eventsOf, policy } from "./policy.ts";
import { retryAfter } from "./retry-after.ts";

const settings = fields({
  failures: whole(1, 100_000).default(5).describe("Failures in a row that open it."),
  successRate: ratioOverNone.prefault("80%").describe("It opens when fewer calls succeed."),
  window: window.prefault("30s").describe("The time over which the rate is taken."),
  minCalls: whole(1, 1_000_000).default(5).describe("With fewer calls in it the rate says nothing."),
  open: duration.prefault("5s").describe("How long it is open at first; doubles with each failed probe."),
  maxOpen: duration.prefault("300s").describe("How long at most."),
  probes: whole(1, 1_000).default(1).describe("Calls that find out whether it is well again."),
});

const events = eventsOf<CircuitBreakerObserver>("circuit-breaker", [
  "opened",
  "halfOpened",
  "closed",
  "refused",
]);

function optionsOf({
  failures,
  successRate: least,
  window,
  minCalls,
  open,
  maxOpen,
  probes,
}: z.output<typeof settings>) {
  return {
    trip: anyOf(consecutiveFailures(failures), successRate({ least, windowMs: window, minCalls })),
    openMs: open,
    maxOpenMs: maxOpen,
    probes,
  };
}

/** Leaves an endpoint alone that fails. Stands outermost: an open one is not ready, and the balancer passes it over. */
export const circuitBreaker = policy({
  name: "circuitBreaker",
  schema: settings.optional().describe("For each endpoint: leaves one alone that fails."),
  check({ open, maxOpen }, { path, report }) {
    checkOrder(path, ["open", open], ["maxOpen", maxOpen], report);
  },
  events,
  state: {
    boundTo: (settings, { connection }: EndpointEnvironment) => [settings, connection],
    create: (settings, { observe, log, endpoint }: EndpointEnvironment) =>
      new Breaker({
        ...optionsOf(settings),
        observer: observe(events, {
          opened: (opening) => log.warn({ endpoint, ...opening }, "circuit opened"),
          closed: () => log.info({ endpoint }, "circuit closed"),
        }),
      }),
  },
  why: ({ phase, reason }) =>
    phase === "closed" ? undefined : `circuit ${phase}${reason === "" ? "" : `: ${reason}`}`,
  layer: (settings, { observe, classifier }: EndpointEnvironment, breaker) =>
    circuitBreakerLayer({ ...optionsOf(settings), breaker, classifier, observer: observe(events) }),
  answers: {
    CircuitOpen: ({ retryAfterMs = 1_000 }: CircuitOpen): Answer => ({
      status: 503,
      message: "the upstream has failed too often and is left alone for a while",
      headers: retryAfter(retryAfterMs),
    }),
  },
});
