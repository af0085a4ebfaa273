import type { FromClient, HttpRequest } from "@pagoda/http";
import { mirror as mirrorLayer, type MirrorObserver, mirrorUsage } from "@pagoda/mirror";
import { defined } from "../schema/defined.ts";
import { definePolicy, eventsOf, type RouteEnvironment } from "./policy.ts";

const events = eventsOf<MirrorObserver<HttpRequest & FromClient>>("mirror", [
  "sent",
  "answered",
  "failed",
  "skipped",
]);

/**
 * Copies calls. Stands outside `retry`, so that a call is copied once, however often it is tried.
 */
export const mirror = definePolicy({
  name: "mirror",
  at: ["route"],
  schema: ({ fields, whole, name, duration, ratio }) =>
    fields({
      cluster: name.describe("Cluster that receives the copies."),
      ratio: ratio.prefault("100%").describe("Share of calls to copy."),
      maxInFlight: whole(1, 100_000)
        .optional()
        .describe("Maximum copies in flight; more are not made. Default: the layer's."),
      timeout: duration.optional().describe("Timeout of a copy. Default: the layer's."),
    })
      .optional()
      .describe("Copies calls to another cluster and ignores its responses."),
  clusters: ({ cluster }) => [[["cluster"], cluster]],
  events,
  state: {
    boundTo: () => undefined,
    create: mirrorUsage,
  },
  layer: (
    { cluster, ratio, maxInFlight, timeout },
    { cluster: of, observe, clock, random }: RouteEnvironment,
    usage,
  ) =>
    mirrorLayer<HttpRequest & FromClient>({
      to: named(cluster, of(cluster)),
      ratio,
      ...defined({ maxInFlight, timeoutMs: timeout }),
      usage,
      observer: observe(events),
      clock,
      random,
    }),
  answers: {},
});

type Target = ReturnType<RouteEnvironment["cluster"]>;

/** A cluster under its name: its own description is where the calls of routes reach it. */
function named(cluster: string, target: Target): Target {
  return {
    ready: () => target.ready(),
    call: (request, signal) => target.call(request, signal),
    describe: () => ({ name: "mirrored", options: { to: cluster } }),
  };
}
