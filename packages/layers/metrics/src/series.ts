import { knownMethods } from "@pagoda/http";

/** Buckets in seconds: 1 ms to about 4 s, doubling. */
export const defaultBuckets: readonly number[] = Array.from({ length: 13 }, (_, n) => 0.001 * 2 ** n);

/** The labels of a series. */
export interface SeriesLabels {
  readonly method: string;
  /** Present if routes are a label. */
  readonly route?: string;
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

  /** Cumulative number of calls per bound, `+Inf` last. */
  get cumulative(): readonly (readonly [bound: string, calls: number])[] {
    let calls = 0;
    return this.#counts.map((count, i) => {
      calls += count;
      const bound = this.#bounds[i];
      return [bound === undefined ? "+Inf" : String(bound), calls];
    });
  }
}

type Statuses = Map<number, Series>;
type Methods = Map<string, Statuses>;
type Upstreams = Map<string, Methods>;

/** All series of a layer. Looking one up builds no key and costs about 20 ns. */
export class SeriesTable {
  readonly #bounds: readonly number[];
  readonly #max: number;
  /** Used if routes are not a label. */
  readonly #plain: Upstreams = new Map();
  readonly #routes = new Map<string, Upstreams>();
  /** Tracked upstreams and how often each is tracked. */
  readonly #tracked = new Map<string, number>();
  #isTracking = false;
  /** Removed upstreams whose series have not been scraped since. */
  readonly #gone = new Set<string>();
  all: Series[] = [];

  /** @param max Maximum number of series; beyond it, upstream and route are `other`. */
  constructor(bounds: readonly number[], max: number) {
    this.#bounds = bounds;
    this.#max = max;
  }

  /**
   * @param status 0 if there was no response.
   * @param route `undefined` if routes are not a label.
   * @param grpc Status code of a gRPC call, -1 if there was none; `undefined` for other calls.
   */
  find(upstream: string, method: string, status: number, route: string | undefined, grpc?: number): Series {
    const known = knownMethods.has(method) ? method : "OTHER";
    const upstreams = route === undefined ? this.#plain : this.#routes.get(route);
    const series = upstreams?.get(upstream)?.get(known)?.get(keyOf(status, grpc));
    return series ?? this.#make(upstream, known, status, route, grpc);
  }

  /** Tracks an upstream until the returned function is called, once. */
  track(upstream: string): () => void {
    this.#isTracking = true;
    this.#tracked.set(upstream, (this.#tracked.get(upstream) ?? 0) + 1);
    this.#gone.delete(upstream);
    return () => {
      const left = (this.#tracked.get(upstream) as number) - 1;
      if (left > 0) this.#tracked.set(upstream, left);
      else {
        this.#tracked.delete(upstream);
        this.#gone.add(upstream);
      }
    };
  }

  /** Called on scrapes: afterwards the series of removed upstreams are dropped. */
  beingRead(): void {
    // All metrics of a registry are read in one tick.
    if (this.#gone.size > 0) queueMicrotask(this.#sweep);
  }

  readonly #sweep = (): void => {
    if (this.#gone.size === 0) return;
    this.all = this.all.filter(({ labels }) => !this.#gone.has(labels.upstream));
    for (const upstreams of [this.#plain, ...this.#routes.values()])
      for (const upstream of this.#gone) upstreams.delete(upstream);
    this.#gone.clear();
  };

  #make(
    upstream: string,
    method: string,
    status: number,
    route: string | undefined,
    grpc: number | undefined,
  ): Series {
    const isOther = upstream === other && (route === undefined || route === other);
    if (this.all.length >= this.#max && !isOther) {
      return this.find(other, method, status, route === undefined ? undefined : other, grpc);
    }
    const labels = {
      method,
      ...(route !== undefined && { route }),
      status: status === 0 ? "error" : String(status),
      ...(grpc !== undefined && { grpc_status: grpc < 0 ? "none" : String(grpc) }),
      upstream,
    };
    const series = new Series(labels, this.#bounds);
    const upstreams =
      route === undefined ? this.#plain : at(this.#routes, route, () => new Map() as Upstreams);
    const methods = at(upstreams, upstream, () => new Map() as Methods);
    at(methods, method, () => new Map() as Statuses).set(keyOf(status, grpc), series);
    this.all.push(series);
    // A call to an upstream may end long after the upstream was removed.
    if (this.#isTracking && upstream !== other && upstream !== none && !this.#tracked.has(upstream))
      this.#gone.add(upstream);
    return series;
  }
}

/** Combines both into one number. HTTP statuses have three digits. */
function keyOf(status: number, grpc: number | undefined): number {
  return grpc === undefined ? status : (grpc + 2) * 1_000 + status;
}

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
