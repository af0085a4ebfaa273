import { createHash } from "node:crypto";
import type { MetricData } from "../data-plane/types.ts";
import type { ClusterStatus } from "../data-plane/types.ts";
import { percentile } from "./percentile.ts";
import type { LogLine, OriginLoad, OriginSeries, Series, Simulation } from "./result.ts";
import type { SimulatedEndpoint } from "./world/endpoint.ts";
import type { Ended } from "./world/workload.ts";

/** An endpoint with its name in scenarios and reports. */
export interface NamedEndpoint {
  /** `shop[1]` */
  readonly name: string;
  readonly cluster: string;
  readonly endpoint: SimulatedEndpoint;
}

interface Track {
  readonly named: NamedEndpoint;
  before: number;
  readonly calls: number[];
  readonly working: number[];
  readonly queued: number[];
  readonly status: string[];
}

/** What the proxy logs is bounded: a scenario may last for days. */
const maxLines = 2_000;

/** Records what happens in a simulation, in steps of equal length. */
export class Recording {
  readonly #stepMs: number;
  readonly #steps: number;
  readonly #startMs: number;
  readonly #sent: number[];
  readonly #succeeded: number[];
  readonly #tries: number[];
  readonly #latencies: number[][];
  readonly #failures = new Map<string, number[]>();
  readonly #events = new Map<string, { readonly counts: number[]; before: number }>();
  readonly #tracks: readonly Track[];
  readonly #timeline: LogLine[] = [];
  readonly #ended: number[] = [];
  #forwarded = 0;
  #lastMs = 0;
  #samples = 0;

  /** @param lengthMs How long requests arrive. What happens later counts for the last step. */
  constructor(
    {
      startMs,
      stepMs,
      lengthMs,
    }: { readonly startMs: number; readonly stepMs: number; readonly lengthMs: number },
    endpoints: readonly NamedEndpoint[],
  ) {
    this.#startMs = startMs;
    this.#stepMs = stepMs;
    this.#steps = Math.max(1, Math.ceil(lengthMs / stepMs));
    this.#sent = this.#zeros();
    this.#succeeded = this.#zeros();
    this.#tries = this.#zeros();
    this.#latencies = Array.from({ length: this.#steps }, () => []);
    this.#tracks = endpoints.map((named) => ({
      named,
      before: named.endpoint.counts.calls,
      calls: [],
      working: [],
      queued: [],
      status: [],
    }));
  }

  #zeros(): number[] {
    return Array.from({ length: this.#steps }, () => 0);
  }

  /** When the next sample is due, by the clock. */
  get nextMs(): number {
    return this.#samples < this.#steps ? this.#startMs + (this.#samples + 1) * this.#stepMs : Infinity;
  }

  log(atMs: number, message: string, facts: Readonly<Record<string, unknown>>): void {
    if (this.#timeline.length < maxLines)
      this.#timeline.push({ atMs: Math.max(0, atMs - this.#startMs), message, facts });
  }

  ended({ atMs, durationMs, tries, status, fault }: Ended): void {
    const step = Math.min(this.#steps - 1, Math.floor((atMs - this.#startMs) / this.#stepMs));
    add(this.#sent, step, 1);
    add(this.#tries, step, tries);
    if (tries > 0) this.#forwarded++;
    this.#lastMs = Math.max(this.#lastMs, atMs + durationMs - this.#startMs);
    this.#ended.push(atMs - this.#startMs, durationMs, tries, status);
    if (status < 400) {
      add(this.#succeeded, step, 1);
      this.#latencies[step]?.push(durationMs);
      return;
    }
    const reason = fault === undefined ? `${status}` : `${status} ${fault}`;
    let counts = this.#failures.get(reason);
    if (counts === undefined) this.#failures.set(reason, (counts = this.#zeros()));
    add(counts, step, 1);
  }

  /** Takes the state at the end of a step. */
  sample(metrics: readonly MetricData[], clusters: readonly ClusterStatus[]): void {
    const step = this.#samples++;
    this.count(metrics, step);
    const statuses = new Map(
      clusters.flatMap(({ cluster, endpoints }) =>
        endpoints.map((each) => [`${cluster} ${each.endpoint}`, each.reason ?? ""] as const),
      ),
    );
    for (const track of this.#tracks) {
      const { cluster, endpoint } = track.named;
      const { calls, working, queued } = endpoint.counts;
      track.calls.push(calls - track.before);
      track.before = calls;
      track.working.push(working);
      track.queued.push(queued);
      track.status.push(statuses.get(`${cluster} ${endpoint.key}`) ?? "gone");
    }
  }

  /** Counts the events since the last time. */
  count(metrics: readonly MetricData[], step: number = this.#steps - 1): void {
    const now = new Map<string, number>();
    for (const { name, values } of metrics) {
      if (name !== "stack_events_total") continue;
      for (const { labels, value } of values) {
        const event = `${labels["layer"]} ${labels["event"]}`;
        now.set(event, (now.get(event) ?? 0) + value);
      }
    }
    for (const [event, value] of now) {
      let known = this.#events.get(event);
      if (known === undefined) this.#events.set(event, (known = { counts: this.#zeros(), before: 0 }));
      add(known.counts, step, value - known.before);
      known.before = value;
    }
  }

  /** @param unanswered Requests that had no response when the simulation was stopped. */
  result(seed: number, unanswered: number): Simulation {
    const latencies = Float64Array.from(this.#latencies.flat()).toSorted();
    const requests = sum(this.#sent) + unanswered;
    const failures = totals(this.#failures);
    if (unanswered > 0) failures["unanswered"] = unanswered;
    const events = new Map(Array.from(this.#events, ([event, { counts }]) => [event, counts]));
    return {
      seed,
      digest: createHash("sha256").update(Float64Array.from(this.#ended)).digest("hex").slice(0, 16),
      durationMs: this.#lastMs,
      requests,
      success: requests === 0 ? 1 : latencies.length / requests,
      latency:
        latencies.length === 0
          ? null
          : {
              p50: percentile(latencies, 0.5),
              p90: percentile(latencies, 0.9),
              p99: percentile(latencies, 0.99),
              p999: percentile(latencies, 0.999),
              max: percentile(latencies, 1),
            },
      amplification: this.#forwarded === 0 ? null : sum(this.#tries) / this.#forwarded,
      failures,
      events: totals(events),
      origins: this.#tracks.map(originLoad),
      timeline: this.#timeline,
      series: this.#series(events),
    };
  }

  #series(events: ReadonlyMap<string, readonly number[]>): Series {
    const sorted = this.#latencies.map((all) => Float64Array.from(all).toSorted());
    const at = (share: number) => sorted.map((all) => (all.length === 0 ? null : percentile(all, share)));
    return {
      stepMs: this.#stepMs,
      sent: this.#sent,
      succeeded: this.#succeeded,
      tries: this.#tries,
      p50: at(0.5),
      p99: at(0.99),
      failures: Object.fromEntries(this.#failures),
      events: Object.fromEntries(
        Array.from(events).filter(([, counts]) => counts.some((count) => count > 0)),
      ),
      origins: Object.fromEntries(
        this.#tracks.map(({ named, calls, working, queued, status }): [string, OriginSeries] => [
          named.name,
          { calls, working, queued, status },
        ]),
      ),
    };
  }
}

function originLoad({ named: { name, endpoint }, working, queued }: Track): OriginLoad {
  const { calls } = endpoint.counts;
  const most = (all: readonly number[]): number => all.reduce((a, b) => Math.max(a, b), 0);
  return { name, endpoint: endpoint.key, calls, mostWorking: most(working), mostQueued: most(queued) };
}

function add(counts: number[], at: number, count: number): void {
  counts[at] = (counts[at] ?? 0) + count;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, each) => total + each, 0);
}

/** The totals over 0, the largest first. */
function totals(all: ReadonlyMap<string, readonly number[]>): Record<string, number> {
  const entries = Array.from(all, ([name, counts]) => [name, sum(counts)] as const);
  return Object.fromEntries(entries.filter(([, total]) => total > 0).toSorted(([, a], [, b]) => b - a));
}
