import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { layerDurations } from "../../src/policies/layer-durations.ts";

test("series exist from the start, are shared, and go with the last layer", async () => {
  const registry = new Registry();
  const durations = layerDurations(registry);
  const ends: (() => void)[] = [];
  const make = () =>
    durations.of("ext-authz", ["allowed", "refused"], { listener: "main" }, (run) => void ends.push(run));
  const counts = async () =>
    (await registry.metrics()).split("\n").filter((line) => line.startsWith("stack_duration_seconds_count"));
  const series = (result: string, count: number) =>
    `stack_duration_seconds_count{listener="main",layer="ext-authz",result="${result}"} ${count}`;

  const before = make();
  expect(await counts()).toEqual([series("allowed", 0), series("refused", 0)]);
  before("allowed", 3);
  const after = make();
  after("allowed", 20);
  // Each has an end for each of its results.
  for (const end of ends.splice(0, 2)) end();
  before("refused", 1);
  expect(await counts()).toEqual([series("allowed", 2), series("refused", 1)]);
  expect(await registry.metrics()).toContain(
    'le="0.005",listener="main",layer="ext-authz",result="allowed"} 1',
  );
  for (const end of ends) end();
  expect(await counts()).toEqual([]);
});
