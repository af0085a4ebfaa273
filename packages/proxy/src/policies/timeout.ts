import { asksForTunnel, type HttpRequest } from "@pagoda/http";
import type { Answer } from "@pagoda/respond";
import { type TimedOut, timeout as timeoutLayer, type TimeoutObserver } from "@pagoda/timeout";
import { type Environment, eventsOf, policy, stateless } from "./policy.ts";

const common = {
  name: "timeout",
  events: eventsOf<TimeoutObserver>("timeout", ["timedOut"]),
  state: stateless,
  /** 0: no limit. */
  layer: (ms: number, { observe }: Environment) =>
    ms === 0 ? undefined : timeoutLayer({ ms, startWhen: upstreamTime, observer: observe(common.events) }),
  answers: {
    TimedOut: ({ afterMs }: TimedOut): Answer => ({
      status: 504,
      message: `the upstream did not answer within ${afterMs} ms`,
    }),
  },
  grpc: { TimedOut: "DEADLINE_EXCEEDED" },
} as const;

/** How long a call may take. Stands outside of what waits and of `retry`: one deadline for waiting, and for all tries. */
export const timeout = policy({
  ...common,
  schema: ({ durationOrNone }) =>
    durationOrNone
      .prefault("15s")
      .describe(
        "Time for the upstream to receive the request and begin its response, over all tries. Time spent waiting for the client's upload does not count. 0ms: no limit.",
      ),
});

/** How long one try may take. Stands innermost: a breaker further out hears of each try that took too long. */
export const tryTimeout = policy({
  ...common,
  schema: ({ durationOrNone }) =>
    durationOrNone
      .optional()
      .describe("Time for each try, until the response head. Default: only the route's timeout applies."),
});

/**
 * When the time of a call runs: always, but not while its client is waited for. So an upload takes the time that the
 * client takes, which the listener bounds by itself; an upstream that does not take the upload has no more time than one
 * that does not answer. Envoy's route timeout begins with the end of the request, and leaves the second to its idle
 * timeout of 5 min. What goes on for ever counts at once.
 */
function upstreamTime(request: HttpRequest, start: () => void, stop: () => void): void {
  start();
  if (!asksForTunnel(request)) request.body.watch((waits) => (waits ? stop() : start()));
}
