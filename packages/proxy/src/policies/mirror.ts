import type { FromClient, HttpRequest } from "@pagoda/http";
import { mirror as mirrorLayer, type MirrorObserver, mirrorRoom } from "@pagoda/mirror";
import { defined } from "../schema/defined.ts";
import { fields, name, whole } from "../schema/fields.ts";
import { duration, ratio } from "../schema/units.ts";
import { eventsOf, policy, type RouteEnvironment } from "./policy.ts";

const events = eventsOf<MirrorObserver<HttpRequest & FromClient>>("mirror", [
  "sent",
  "answered",
  "failed",
  "skipped",
]);

/** Copies of calls. Stands outside of `retry`: a call is copied once, whatever is tried. */
export const mirror = policy({
  name: "mirror",
  schema: fields({
    cluster: name.describe("Where the copies go."),
    ratio: ratio.prefault("100%").describe("The share of calls that are copied."),
    maxInFlight: whole(1, 100_000)
      .optional()
      .describe("Copies under way at once; others are not made. Default: the layer's."),
    timeout: duration.optional().describe("How long a copy may take. Default: the layer's."),
  })
    .optional()
    .describe("Copies calls to another cluster, whose answers nobody waits for."),
  clusters: ({ cluster }) => [[["cluster"], cluster]],
  events,
  state: {
    boundTo: () => undefined,
    create: mirrorRoom,
  },
  layer: ({ cluster, ratio, maxInFlight, timeout }, { cluster: of, observe }: RouteEnvironment, room) =>
    mirrorLayer<HttpRequest & FromClient>({
      to: of(cluster),
      ratio,
      ...defined({ maxInFlight, timeoutMs: timeout }),
      room,
      observer: observe(events),
    }),
  answers: {},
});
