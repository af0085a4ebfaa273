import { type HttpRequest, requestsTunnel } from "@pagoda/http";
import type { Answer } from "@pagoda/respond";
import { type TimedOut, timeout as timeoutLayer, type TimeoutObserver } from "@pagoda/timeout";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";
import { spanText } from "./span-text.ts";

const common = {
  name: "timeout",
  events: eventsOf<TimeoutObserver>("timeout", ["timedOut"], {
    timedOut: (afterMs) => `no answer within ${spanText(afterMs)}`,
  }),
  /** 0: no limit. */
  layer: (ms: number, { observe, clock }: Environment) =>
    ms === 0
      ? undefined
      : timeoutLayer({ ms, startWhen: upstreamTime, observer: observe(common.events), clock }),
  answers: {
    TimedOut: ({ afterMs }: TimedOut): Answer => ({
      status: 504,
      message: `the upstream did not answer within ${afterMs} ms`,
    }),
  },
  grpc: { TimedOut: "DEADLINE_EXCEEDED" },
} as const;

/**
 * Bounds the duration of a call. Stands outside queues and `retry`, as one deadline for waiting and
 * all tries.
 */
export const timeout = definePolicy({
  ...common,
  at: ["route"],
  schema: ({ durationOrNone }) =>
    durationOrNone
      .prefault("15s")
      .describe(
        "Time for the upstream to receive the request and begin its response, over all tries. Time spent waiting for the client's upload does not count. 0ms: no limit.",
      ),
});

/**
 * Bounds the duration of one try. Stands innermost, so that a breaker further out sees each
 * timeout.
 */
export const tryTimeout = definePolicy({
  ...common,
  at: ["endpoint"],
  schema: ({ durationOrNone }) =>
    durationOrNone
      .optional()
      .describe("Time for each try, until the response head. Default: only the route's timeout applies."),
});

/**
 * When the clock of a call runs: always, except while waiting for its client. An upload may take as
 * long as its client does, which the listener bounds separately; an upstream that does not read the
 * upload has no more time than one that does not answer. Envoy's route timeout starts at the end of
 * the request and leaves an unread upload to its idle timeout of 5 min. The clock of a tunnel never
 * pauses.
 */
function upstreamTime(request: HttpRequest, start: () => void, stop: () => void): void {
  start();
  const { body } = request;
  if (!body.isWhole && !requestsTunnel(request)) body.watch((waits) => (waits ? stop() : start()));
}
