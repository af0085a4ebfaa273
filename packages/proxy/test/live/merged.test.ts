import { expect, test } from "vitest";
import { mergedClusters } from "../../src/live/merged.ts";
import type { SampledEndpoint } from "../../src/live/sample.ts";

const at = 1_800_000_000_000;
const quiet: SampledEndpoint = {
  endpoint: "http://a",
  healthy: true,
  inFlight: 0,
  consecutiveFailures: 0,
  troubles: [],
  recent: { succeeded: 0, failed: 0, timedOut: 0 },
};

function merged(...workers: readonly (readonly SampledEndpoint[])[]) {
  return mergedClusters(
    workers.map((shown, worker) => ({
      worker,
      part: {
        clusters: [{ cluster: "shop", endpoints: shown.length, healthy: 1, panicking: false, shown }],
        layers: [],
      },
    })),
    at,
  )[0]?.shown;
}

test("outcomes of all workers are added up, and the last failure is that of any", () => {
  const one = { ...quiet, recent: { succeeded: 1, failed: 2, timedOut: 3 } };
  const shown = merged(
    [{ ...one, failure: { agoMs: 9_000, text: "status 500" } }],
    [{ ...one, failure: { agoMs: 2_000, text: "status 503" } }],
    [quiet],
  );
  expect(shown).toMatchObject([
    { recent: { succeeded: 2, failed: 4, timedOut: 6 }, failure: { at: at - 2_000, text: "status 503" } },
  ]);
});

test("an endpoint that failed lately comes before those that did not", () => {
  const failing = { ...quiet, endpoint: "http://b", failure: { agoMs: 1, text: "" } };
  expect(merged([quiet, failing])?.map(({ endpoint }) => endpoint)).toEqual(["http://b", "http://a"]);
});
