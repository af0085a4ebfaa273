import { ServiceBuilder } from "@pagoda/core";
import { hedge as hedgeLayer, hedgeHistory, type HedgeObserver } from "@pagoda/hedge";
import type { HttpRequest } from "@pagoda/http";
import { replay } from "@pagoda/replay";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";
import { retry, retryClassifier } from "./retry.ts";

const events = eventsOf<HedgeObserver>("hedge", ["hedged"], {
  hedged: ({ afterMs }) => `no answer after ${Math.round(afterMs)} ms, so a second call was made`,
  won: (which) => `the ${which} call answered first`,
});

/**
 * Sends slow calls a second time. Stands inside `retry`, so that each try is hedged, from the same
 * budget.
 */
export const hedge = definePolicy({
  name: "hedge",
  at: ["route"],
  schema: ({ fields, whole, ratioBelowAll, window }) =>
    fields({
      maxExtraLoad: ratioBelowAll.prefault("1%").describe("Maximum extra load from second calls."),
      window: window
        .prefault("10s")
        .describe("Measuring period: the latencies of the last complete period decide which calls are slow."),
      minSamples: whole(1, 1_000_000).default(100).describe("Minimum number of calls in the period."),
    })
      .optional()
      .describe("Makes a second call when the first is slow and uses the first response."),
  events,
  state: {
    // With other settings the layer starts afresh.
    boundTo: () => undefined,
    create: hedgeHistory,
  },
  layer(
    { maxExtraLoad, window, minSamples },
    { observe, classifier, keptBy, settingsOf, clock }: Environment,
    history,
  ) {
    const budget = keptBy(retry);
    const retried = settingsOf(retry);
    return (
      new ServiceBuilder<HttpRequest>()
        // Calls already recorded by `retry` pass unchanged.
        .layer(replay())
        .layer(
          hedgeLayer({
            maxExtraLoad,
            windowMs: window,
            minSamples,
            ...(budget !== undefined && { budget }),
            history,
            classifier: retried === undefined ? classifier : retryClassifier(retried.on, clock),
            observer: observe(events),
            clock,
          }),
        )
        .asLayer()
    );
  },
  answers: {},
});
