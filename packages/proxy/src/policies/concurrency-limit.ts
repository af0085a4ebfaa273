import {
  aimd,
  concurrencyLimit as concurrencyLimitLayer,
  type ConcurrencyLimitObserver,
  gradient2,
  inFlight,
  type InFlight,
  type LimitAlgorithm,
  vegas,
} from "@pagoda/concurrency-limit";
import { isOptionError } from "@pagoda/core";
import type { z } from "zod";
import { defined } from "../schema/defined.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { type Checking, definePolicy, type Environment, eventsOf } from "./policy.ts";
import { soon } from "./retry-after.ts";

const adaptive = ({ fields, whole, word }: Vocabulary) =>
  fields({
    algorithm: word(["gradient2", "vegas", "aimd"]).describe("Algorithm that adapts the limit."),
    initial: whole(1, 100_000).optional().describe("Initial limit. Default: the algorithm's."),
    min: whole(1, 100_000).optional().describe("Minimum limit. Default: the algorithm's."),
    max: whole(1, 100_000).optional().describe("Maximum limit. Default: the algorithm's."),
  });

const settings = (words: Vocabulary) => {
  const { z, whole } = words;
  return z.union([whole(1, 1_000_000), adaptive(words)], {
    error: "must be an integer from 1 to 1000000, or { algorithm: gradient2, vegas or aimd }",
  });
};

type Limit = z.output<ReturnType<typeof settings>>;

const algorithms = { aimd, gradient2, vegas } as const;

function limitOf(limit: Limit): number | LimitAlgorithm {
  if (typeof limit === "number") return limit;
  const { algorithm, ...options } = limit;
  return algorithms[algorithm](defined(options));
}

const common = {
  name: "concurrencyLimit",
  events: eventsOf<ConcurrencyLimitObserver>("concurrency-limit", ["refused"], {
    admitted: ({ inFlight, limit }) => `admitted, ${inFlight} of ${limit} in use`,
    refused: ({ limit }) => `refused: ${limit} calls were in flight`,
  }),
  /** Checks the limit with the defaults of its algorithm, which only the layer knows. */
  check(limit: Limit, { path, report }: Checking): void {
    try {
      limitOf(limit);
    } catch (error) {
      if (!isOptionError(error)) throw error;
      report([...path, error.option], error.requirement, [path]);
    }
  },
  state: {
    // Calls in flight count against any limit; what an algorithm learned is kept only for that
    // algorithm, by the layer.
    boundTo: () => undefined,
    create: inFlight,
  },
  layer: (limit: Limit, { observe, classifier, clock, random }: Environment, calls: InFlight) =>
    concurrencyLimitLayer({
      limit: limitOf(limit),
      classifier,
      inFlight: calls,
      observer: observe(common.events),
      clock,
      random,
    }),
  answers: {
    ConcurrencyLimited: { status: 503, message: "too many concurrent requests", headers: soon },
  },
} as const;

/**
 * Bounds the calls in flight. On a route it stands inside `buffer`, which queues calls for it, and
 * outside `retry`, so that a call counts once.
 */
export const concurrencyLimit = definePolicy({
  ...common,
  at: ["listener", "route"],
  schema: (words: Vocabulary) =>
    settings(words)
      .optional()
      .describe(
        "Maximum calls in flight per worker: a number, or an algorithm that adapts it. Excess calls get 503.",
      ),
});

/**
 * The same for an endpoint. Stands inside `circuitBreaker`, since calls refused by an open circuit
 * must not take slots, and outside `timeout`, so that an adaptive limit sees timeouts of the
 * endpoint.
 */
export const endpointConcurrencyLimit = definePolicy({
  ...common,
  at: ["endpoint"],
  schema: (words: Vocabulary) =>
    settings(words).optional().describe("Maximum calls in flight per endpoint and worker."),
});
