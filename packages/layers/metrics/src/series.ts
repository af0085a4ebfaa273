/** The seed's buckets, in seconds: 1 ms to about 4 s, doubling. */
export const defaultBuckets: readonly number[] = Array.from({ length: 13 }, (_, n) => 0.001 * 2 ** n);

/** The labels of a series. */
export interface SeriesLabels {
  readonly method: string;
  readonly status: string;
  readonly upstream: string;
}

/** Counts and times the calls that share their labels. */
export class Series {
  readonly labels: SeriesLabels;
  readonly #bounds: readonly number[];
  /** Calls up to each bound and not up to the one before it; last, those beyond. */
  readonly #counts: number[];
  count = 0;
  sum = 0;

  constructor(labels: SeriesLabels, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && seconds > (this.#bounds[bucket] as number)) bucket++;
    (this.#counts[bucket] as number)++;
    this.count++;
    this.sum += seconds;
  }

  /** Each bound (`+Inf` last) with the calls up to it. */
  get cumulative(): readonly (readonly [bound: string, calls: number])[] {
    let calls = 0;
    return this.#counts.map((count, i) => {
      calls += count;
      const bound = this.#bounds[i];
      return [bound === undefined ? "+Inf" : String(bound), calls];
    });
  }
}

/** All series of a layer, found by their labels without building a key: looking one up costs about 20 ns. */
export class SeriesTable {
  readonly #bounds: readonly number[];
  readonly #table = new Map<string, Map<string, Map<number, Series>>>();
  readonly all: Series[] = [];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  /** @param status 0 where there was no response. */
  find(upstream: string, method: string, status: number): Series {
    let methods = this.#table.get(upstream);
    if (methods === undefined) this.#table.set(upstream, (methods = new Map()));
    const known = knownMethods.has(method) ? method : "OTHER";
    let statuses = methods.get(known);
    if (statuses === undefined) methods.set(known, (statuses = new Map()));
    let series = statuses.get(status);
    if (series === undefined) {
      const labels = { method: known, status: status === 0 ? "error" : String(status), upstream };
      series = new Series(labels, this.#bounds);
      statuses.set(status, series);
      this.all.push(series);
    }
    return series;
  }
}

/** Clients may send any method; series must not grow with what they invent. */
const knownMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
]);
