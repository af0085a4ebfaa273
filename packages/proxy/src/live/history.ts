import { type Counts, Sums } from "./counts.ts";
import { durationsOf, rounded } from "./rates.ts";
import type { LiveHistory, LivePoint, LiveSeries } from "./snapshot.ts";

/** Length of a step in milliseconds. */
export const stepMs = 10_000;
/** 15 minutes. */
const steps = 90;
/** Series that are shown. */
const maxShown = 200;

type Place = Pick<LiveSeries, "listener" | "route" | "cluster">;

interface Series {
  readonly place: Place;
  /** Steps modulo `steps`: 12 bytes for each, a little more than 1 kB in all. */
  readonly perSecond: Float32Array;
  readonly failedPerSecond: Float32Array;
  /** Not a number: no calls. */
  readonly p99Ms: Float32Array;
  /** The last step with calls. */
  last: number;
}

/**
 * The last 15 minutes of each route and cluster that had calls in them, by name: a series continues
 * over reloads, and ends when it has had no calls for 15 minutes.
 */
export class History {
  readonly #series = new Map<string, Series>();
  /** Steps so far. */
  #count = 0;
  #end = 0;

  /**
   * Adds a step.
   *
   * @param end When it ended, in milliseconds since 1970.
   * @param rows As in `Counted`.
   */
  add(end: number, seconds: number, rows: readonly Counts[], bounds: readonly number[]): LivePoint {
    const step = this.#count++;
    const at = step % steps;
    this.#end = end;
    for (const [id, { last }] of this.#series) if (step - last >= steps) this.#series.delete(id);
    for (const { perSecond, failedPerSecond, p99Ms } of this.#series.values()) {
      perSecond[at] = 0;
      failedPerSecond[at] = 0;
      p99Ms[at] = Number.NaN;
    }
    const sums = new Sums();
    for (const {
      key: [listener = "", route = "", cluster = ""],
      counts,
    } of rows) {
      sums.add(["route", listener, route], counts);
      if (cluster !== "none") sums.add(["cluster", cluster], counts);
    }
    const points = sums.rows.map(({ key, counts }) => {
      const series = this.#of(key);
      const { calls, p } = durationsOf(counts, bounds);
      const point = {
        perSecond: rounded(calls / seconds),
        failedPerSecond: rounded((counts[0] ?? 0) / seconds),
        p99Ms: p(0.99),
      };
      series.last = step;
      series.perSecond[at] = point.perSecond;
      series.failedPerSecond[at] = point.failedPerSecond;
      series.p99Ms[at] = point.p99Ms ?? Number.NaN;
      return Object.assign(point, series.place);
    });
    return {
      end,
      series: points.toSorted((one, other) => other.perSecond - one.perSecond).slice(0, maxShown),
    };
  }

  get all(): LiveHistory {
    const sorted = Array.from(this.#series.values())
      .map((series) => [series, series.perSecond.reduce((sum, each) => sum + each, 0)] as const)
      .toSorted(([, one], [, other]) => other - one);
    return {
      stepMs,
      end: this.#end,
      steps,
      series: sorted.slice(0, maxShown).map(([series]) => this.#shown(series)),
      left: Math.max(0, sorted.length - maxShown),
    };
  }

  #of(key: readonly string[]): Series {
    const id = key.join("\n");
    let series = this.#series.get(id);
    if (series === undefined) {
      const [kind, first = "", route = ""] = key;
      const place =
        kind === "route"
          ? { listener: first, route, cluster: null }
          : { listener: null, route: null, cluster: first };
      series = {
        place,
        perSecond: new Float32Array(steps),
        failedPerSecond: new Float32Array(steps),
        p99Ms: new Float32Array(steps).fill(Number.NaN),
        last: 0,
      };
      this.#series.set(id, series);
    }
    return series;
  }

  #shown({ place, perSecond, failedPerSecond, p99Ms }: Series): LiveSeries {
    const from = Math.max(0, this.#count - steps);
    const inOrder = (ring: Float32Array): number[] =>
      Array.from({ length: this.#count - from }, (_, n) => rounded(ring[(from + n) % steps] as number));
    return {
      ...place,
      perSecond: inOrder(perSecond),
      failedPerSecond: inOrder(failedPerSecond),
      p99Ms: inOrder(p99Ms).map((ms) => (Number.isNaN(ms) ? null : ms)),
    };
  }
}
