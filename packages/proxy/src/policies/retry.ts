import { budget, type Classifier, type Clock, isFault, neverProcessed, ServiceBuilder } from "@pagoda/core";
import { grpcClassifier, type GrpcStatus } from "@pagoda/grpc";
import { httpClassifier, type HttpRequest, knownMethods } from "@pagoda/http";
import { isToken } from "@pagoda/http/grammar";
import { replay } from "@pagoda/replay";
import { exponential, type NotRetried, retry as retryLayer, type RetryObserver } from "@pagoda/retry";
import type { z } from "zod";
import { checkOrder, type Path, type Report } from "../schema/report.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";

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
const retriedStatus = ({ z }: Vocabulary) =>
  z.union(
    [z.int(invalidStatus).min(400, invalidStatus).max(599, invalidStatus), z.enum(["4xx", "5xx"])],
    invalidStatus,
  );

const conditions = (words: Vocabulary) => {
  const { z, fields, flag, some, text, word } = words;
  return fields({
    statuses: z
      .array(retriedStatus(words), { error: "must be a list" })
      .default([429, 502, 503, 504])
      .describe("Response statuses to retry: `503`, or `5xx` for all. `[]`: none."),
    grpc: z
      .array(word(grpcStatuses), { error: "must be a list" })
      .default(["unavailable", "resource-exhausted"])
      .describe("gRPC statuses to retry. `[]`: none."),
    connectFailure: flag
      .default(true)
      .describe(
        "Retry calls that were never processed (no connection, stream refused), whatever the method.",
      ),
    reset: flag
      .default(true)
      .describe(
        "Retry after the origin closed or reset the connection, sent a malformed response, or did not answer in time.",
      ),
    methods: some(text)
      .default(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
      .describe("Methods that may be retried. Default: the idempotent ones."),
  }).refine(
    ({ statuses, grpc, connectFailure, reset }) =>
      statuses.length > 0 || grpc.length > 0 || connectFailure || reset,
    { error: "must name at least one condition" },
  );
};

const settings = (words: Vocabulary) => {
  const { z, fields, whole, duration, durationOrNone, ratio, size } = words;
  return fields({
    on: conditions(words).prefault({}).describe("Retry conditions, as in Envoy's `retry_on`."),
    attempts: whole(1, 100).default(3).describe("Maximum tries, including the first."),
    backoff: fields({
      base: duration
        .prefault("25ms")
        .describe("Maximum wait before the second try; doubles before each further one."),
      max: duration
        .prefault("250ms")
        .describe("Upper bound of the wait. The actual wait is random (full jitter)."),
    })
      .prefault({})
      .describe("Wait between tries."),
    budget: fields({
      ratio: ratio.prefault("20%").describe("Retries per call."),
      minPerSecond: z
        .number({ error: "must be a number from 0 to 1000000" })
        .min(0, { error: "must be a number from 0 to 1000000" })
        .max(1_000_000, { error: "must be a number from 0 to 1000000" })
        .default(10)
        .describe("Retries per second that are always allowed."),
    })
      .prefault({})
      .describe(
        "Retry budget: limits retries relative to calls, so that retries cannot overload a failing origin.",
      ),
    maxRetryAfter: durationOrNone
      .prefault("5s")
      .describe("Longest `Retry-After` that is honored; longer ones are not retried."),
    maxBody: size
      .prefault("64KiB")
      .describe("Request bodies up to this size are recorded and can be sent again."),
  });
};

const events = eventsOf<RetryObserver>("retry", ["retried", "recovered", "gaveUp"], {
  retried: ({ attempt, attempts, waitedMs, budgetLeft }) =>
    `attempt ${attempt} of ${attempts}; waited ${Math.round(waitedMs)} ms; the retry budget has ${budgetLeft} left`,
  recovered: (attempts) => `succeeded in attempt ${attempts}`,
  gaveUp: (reason, attempts) => `gave up after ${attempts} attempts: ${notRetried[reason]}`,
});

const notRetried: Readonly<Record<NotRetried, string>> = {
  attempts: "`attempts` does not allow more",
  notReplayable: "the request cannot be sent again",
  retryAfter: "Retry-After is longer than `maxRetryAfter`",
  deadline: "no time was left",
  budget: "the retry budget was used up",
  notReady: "no endpoint was ready",
};

/** Retries failed calls. Stands outside the balancer, so that a try can go to another endpoint. */
export const retry = definePolicy({
  name: "retry",
  at: ["route"],
  schema: (words: Vocabulary) =>
    settings(words).optional().describe("Retries failed calls that are safe to repeat."),
  check({ on, backoff: { base, max } }, { path, report }) {
    checkMethods([...path, "on", "methods"], on.methods, report);
    checkOrder([...path, "backoff"], ["base", base], ["max", max], report);
  },
  events,
  /** The retry budget, which `hedge` shares. */
  state: {
    boundTo: (settings) => settings.budget,
    create: (settings, { clock }: Environment) => budget({ ...settings.budget, clock }),
  },
  layer: (
    { on, attempts, backoff, maxRetryAfter, maxBody },
    { observe, clock, random }: Environment,
    budget,
  ) =>
    new ServiceBuilder<HttpRequest>()
      .layer(replay({ maxBytes: maxBody, methods: on.methods }))
      .layer(
        retryLayer({
          attempts,
          backoff: exponential({ baseMs: backoff.base, maxMs: backoff.max }),
          budget,
          maxRetryAfterMs: maxRetryAfter,
          classifier: retryClassifier(on, clock),
          observer: observe(events),
          clock,
          random,
        }),
      )
      .asLayer(),
  answers: {},
});

/** Decides what is retried, which is independent of what results say about an origin's health. */
export function retryClassifier(
  { statuses, grpc, connectFailure, reset }: z.output<ReturnType<typeof conditions>>,
  clock: Clock,
): Classifier {
  const matches = new Set<number>();
  for (const status of statuses) {
    if (typeof status === "number") matches.add(status);
    else for (let n = 0, first = status === "4xx" ? 400 : 500; n < 100; n++) matches.add(first + n);
  }
  return grpcClassifier({
    clock,
    retryable: grpc.map((status) => status.toUpperCase().replaceAll("-", "_") as GrpcStatus),
    otherwise: httpClassifier({
      clock,
      retryable: ({ status }) => matches.has(status),
      retryableErrors(error) {
        if (!isFault(error) || !error.retryable) return false;
        if (error._tag === "ConnectFailed" || neverProcessed(error)) return connectFailure;
        // A call refused on this side was not sent, so retrying it does not depend on the origin.
        return error.origin === "local" || reset;
      },
    }),
  });
}

function checkMethods(path: Path, methods: readonly string[], report: Report): void {
  methods.forEach((method, n) => {
    const upper = method.toUpperCase();
    if (!isToken(method)) report([...path, n], `must be an HTTP method (got ${JSON.stringify(method)})`);
    else if (upper === "CONNECT")
      report([...path, n], "must not be CONNECT: a tunnel cannot be opened twice");
    else if (method !== upper && knownMethods.has(upper))
      report([...path, n], `must be an HTTP method, which are case-sensitive: ${upper} (got ${method})`);
  });
}
