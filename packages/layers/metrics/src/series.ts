import { checkOption } from "@pagoda/core";

/** Buckets in seconds: 1 ms to about 4 s, doubling. */
export const defaultBuckets: readonly number[] = Array.from({ length: 13 }, (_, n) => 0.001 * 2 ** n);

/** Labels of all series of a layer. */
export type ConstantLabels = Readonly<Record<string, string>>;

/** The labels of a series, besides constant ones. */
export interface SeriesLabels extends ConstantLabels {
  readonly method: string;
  /** Present if routes are a label. */
  readonly route?: string;
  /** Present if routes are a label. */
  readonly cluster?: string;
  readonly status: string;
  /** Status code of a gRPC call, or `none`. Absent for other calls. */
  readonly grpc_status?: string;
  readonly upstream: string;
}

/** Counts and times the calls with the same labels. */
export class Series {
  readonly labels: SeriesLabels;
  readonly #bounds: readonly number[];
  /** Calls per bucket, not cumulative; the last one is unbounded. */
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(labels: SeriesLabels, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && seconds > (this.#bounds[bucket] as number)) bucket++;
    (this.counts[bucket] as number)++;
    this.count++;
    this.sum += seconds;
  }

  /** Cumulative number of calls per bound, `+Inf` last. */
  get cumulative(): readonly (readonly [bound: string, calls: number])[] {
    let calls = 0;
    return this.counts.map((count, i) => {
      calls += count;
      const bound = this.#bounds[i];
      return [bound === undefined ? "+Inf" : String(bound), calls];
    });
  }
}

/** @throws RangeError if a label has an invalid name, or one that the metric itself has. */
export function checkLabels(what: string, labels: ConstantLabels, own: ReadonlySet<string>): void {
  for (const label of Object.keys(labels)) {
    const isValid = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) && !own.has(label);
    checkOption(what, label, isValid, `letters, digits and _, other than ${conjunction.format(own)}`);
  }
}

const conjunction = new Intl.ListFormat("en", { style: "long" });

/** Label value for everything beyond a limit. */
export const other = "other";

/** Label value for a missing upstream or route. */
export const none = "none";

/** Returns the value at a key, creating it if missing. */
export function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
