import { describe, expect, test } from "vitest";
import { DeadWorkerCounts } from "../../src/control/dead-worker-counts.ts";
import type { WorkerProcess } from "../../src/control/worker-process.ts";
import type { MetricData } from "../../src/data-plane/types.ts";

const counter = (name: string, ...values: MetricData["values"][number][]): MetricData => ({
  name,
  help: name,
  type: "counter",
  aggregator: "sum",
  values,
});

const calls = (upstream: string, value: number): MetricData =>
  counter("http_requests_total", { labels: { upstream }, value });

const gauge = (endpoint: string): MetricData => ({
  ...counter("stack_transport_in_flight", { labels: { endpoint }, value: 0 }),
  type: "gauge",
});

/** The counters of dead workers. */
async function past(...workers: readonly MetricData[][]): Promise<DeadWorkerCounts> {
  const counts = new DeadWorkerCounts();
  for (const metrics of workers) {
    const worker = {} as WorkerProcess;
    counts.saw(worker, metrics);
    await counts.died(worker);
  }
  return counts;
}

const values = ({ sum }: DeadWorkerCounts) =>
  sum.flatMap(({ values: all }) => all.map(({ labels, value }) => ({ labels, value })));

describe("past counters", () => {
  test("sum those of all workers that died", async () => {
    const counts = await past([calls("http://a:1", 1), gauge("http://a:1")], [calls("http://a:1", 2)]);
    expect(values(counts)).toEqual([{ labels: { upstream: "http://a:1" }, value: 3 }]);
  });

  test("defect: kept the series of removed endpoints forever", async () => {
    const counts = await past([
      counter(
        "http_requests_total",
        { labels: { upstream: "http://a:1" }, value: 1 },
        { labels: { upstream: "http://gone:1" }, value: 2 },
        { labels: { upstream: "none" }, value: 3 },
      ),
      counter("stack_events_total", { labels: { endpoint: "http://gone:1", event: "opened" }, value: 4 }),
    ]);
    // While no worker answers, it is unknown which are gone.
    counts.forgetGone([[]]);
    expect(values(counts)).toHaveLength(4);
    counts.forgetGone([[gauge("http://a:1")], [gauge("http://b:1")]]);
    expect(values(counts)).toEqual([
      { labels: { upstream: "http://a:1" }, value: 1 },
      { labels: { upstream: "none" }, value: 3 },
    ]);
  });
});
