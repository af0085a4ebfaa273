import { failfast as failfastLayer, type FailfastObserver } from "@pagoda/failfast";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";
import { soon } from "./retry-after.ts";

const events = eventsOf<FailfastObserver>("failfast", ["failing", "recovered", "refused"], {
  refused: ({ afterMs }) => `refused at once: no endpoint has been ready for ${afterMs} ms`,
});

/**
 * Refuses calls that would wait without hope. Stands around the balancer: one ready endpoint is
 * enough.
 */
export const failfast = definePolicy({
  name: "failfast",
  at: ["cluster"],
  schema: ({ duration }) =>
    duration
      .optional()
      .describe("Refuses calls at once after no endpoint has been ready for this long. Default: never."),
  events,
  // It watches the readiness of this cluster only: another one may be ready.
  layer: (ms, { observe, clock }: Environment) => failfastLayer({ ms, observer: observe(events), clock }),
  answers: {
    FailedFast: { status: 503, message: "the upstream has been unavailable for too long", headers: soon },
  },
});
