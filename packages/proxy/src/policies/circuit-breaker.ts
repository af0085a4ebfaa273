import {
  anyOf,
  Breaker,
  circuitBreaker as circuitBreakerLayer,
  type CircuitBreakerObserver,
  type CircuitOpen,
  consecutiveFailures,
  type Opening,
  successRate,
} from "@pagoda/circuit-breaker";
import type { Answer } from "@pagoda/respond";
import type { z } from "zod";
import { checkOrder } from "../schema/report.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { definePolicy, type EndpointEnvironment, eventsOf } from "./policy.ts";
import { retryAfter } from "./retry-after.ts";
import { spanText } from "./span-text.ts";

const settings = ({ fields, whole, duration, ratioOverNone, window }: Vocabulary) =>
  fields({
    failures: whole(1, 100_000).default(5).describe("Consecutive failures that open the circuit."),
    successRate: ratioOverNone
      .prefault("80%")
      .describe("Opens when the success rate falls below this share."),
    window: window.prefault("30s").describe("Window over which the success rate is measured."),
    minCalls: whole(1, 1_000_000)
      .default(5)
      .describe("Minimum calls in the window before the success rate applies."),
    open: duration
      .prefault("5s")
      .describe("How long the circuit stays open at first; doubles with each failed probe."),
    maxOpen: duration.prefault("300s").describe("Maximum time that it stays open."),
    probes: whole(1, 1_000).default(1).describe("Calls allowed through while half-open."),
  });

const events = eventsOf<CircuitBreakerObserver>(
  "circuit-breaker",
  ["opened", "halfOpened", "closed", "refused"],
  {
    opened: (opening) => `opened by this call for ${spanText(opening.forMs)}: ${causeText(opening)}`,
    closed: () => "closed by this call, the last probe that had to succeed",
    refused: ({ reason, retryAfterMs }) =>
      retryAfterMs === undefined
        ? "refused: the circuit is half-open, and its probes are in flight"
        : `refused: the circuit is open (${reason}) for ${spanText(retryAfterMs)} more`,
  },
);

function causeText({ reason, failures, successRate, calls }: Opening): string {
  if (failures !== undefined) return `${failures} failures in a row`;
  if (successRate !== undefined) return `${Math.floor(successRate * 100)}% of ${calls} calls succeeded`;
  return reason === "probe-failed" ? "the probe failed" : reason;
}

function optionsOf({
  failures,
  successRate: least,
  window,
  minCalls,
  open,
  maxOpen,
  probes,
}: z.output<ReturnType<typeof settings>>) {
  return {
    trip: anyOf(consecutiveFailures(failures), successRate({ least, windowMs: window, minCalls })),
    openMs: open,
    maxOpenMs: maxOpen,
    probes,
  };
}

/**
 * Stops calling a failing endpoint. Stands outermost: an open circuit is not ready, so the balancer
 * skips it.
 */
export const circuitBreaker = definePolicy({
  name: "circuitBreaker",
  at: ["endpoint"],
  schema: (words: Vocabulary) =>
    settings(words).optional().describe("Stops calling a failing endpoint for a while."),
  check({ open, maxOpen }, { path, report }) {
    checkOrder(path, ["open", open], ["maxOpen", maxOpen], report);
  },
  events,
  state: {
    boundTo: (settings, { connection }: EndpointEnvironment) => [settings, connection],
    create: (settings, { observe, log, endpoint, clock, random }: EndpointEnvironment) =>
      new Breaker({
        ...optionsOf(settings),
        observer: observe(events, {
          opened: (opening) => log.warn({ endpoint, ...opening }, "circuit opened"),
          closed: () => log.info({ endpoint }, "circuit closed"),
        }),
        clock,
        random,
      }),
  },
  blockedReason: ({ phase, reason, retryAfterMs }) =>
    phase === "closed"
      ? undefined
      : {
          cause: `circuit ${phase}`,
          ...(reason !== "" && { detail: reason }),
          ...(phase === "open" && { forMs: retryAfterMs }),
        },
  reset: (breaker) => breaker.reset(),
  layer: (settings, { observe, classifier, clock, random }: EndpointEnvironment, breaker) =>
    circuitBreakerLayer({
      ...optionsOf(settings),
      breaker,
      classifier,
      observer: observe(events),
      clock,
      random,
    }),
  answers: {
    CircuitOpen: ({ retryAfterMs = 1_000 }: CircuitOpen): Answer => ({
      status: 503,
      message: "the upstream is failing: circuit open",
      headers: retryAfter(retryAfterMs),
    }),
  },
});
