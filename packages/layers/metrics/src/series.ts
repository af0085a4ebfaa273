import { knownMethods } from "@pagoda/http";

/** The seed's buckets, in seconds: 1 ms to about 4 s, doubling. */
export const defaultBuckets: readonly number[] = Array.from({ length: 13 }, (_, n) => 0.001 * 2 ** n);

/** The labels of a series. */
export interface SeriesLabels {
  readonly method: string;
  /** Where routes are a label. */
  readonly route?: string;
  readonly status: string;
  /** The number by which a gRPC call ended; `none` where nobody said. Absent for other calls. */
  readonly grpc_status?: string;
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

type Statuses = Map<number, Series>;
type Methods = Map<string, Statuses>;
type Upstreams = Map<string, Methods>;

/** All series of a layer, found by their labels without building a key: looking one up costs about 20 ns. */
export class SeriesTable {
  readonly #bounds: readonly number[];
  readonly #max: number;
  /** Where routes are no label. */
  readonly #plain: Upstreams = new Map();
  readonly #routes = new Map<string, Upstreams>();
  /** Upstreams that somebody has said are there, and how often. */
  readonly #tracked = new Map<string, number>();
  #isTracking = false;
  /** Those that are there no more, and whose series have not been read since. */
  readonly #gone = new Set<string>();
  all: Series[] = [];

  /** @param max When there are so many series, further ones have `other` as upstream and route. */
  constructor(bounds: readonly number[], max: number) {
    this.#bounds = bounds;
    this.#max = max;
  }

  /**
   * @param status 0 where there was no response.
   * @param route `undefined` where routes are no label.
   * @param grpc How a gRPC call ended, -1 where nobody said; `undefined` for other calls.
   */
  find(upstream: string, method: string, status: number, route: string | undefined, grpc?: number): Series {
    const known = knownMethods.has(method) ? method : "OTHER";
    const upstreams = route === undefined ? this.#plain : this.#routes.get(route);
    const series = upstreams?.get(upstream)?.get(known)?.get(keyOf(status, grpc));
    return series ?? this.#make(upstream, known, status, route, grpc);
  }

  /** An upstream is there, until what it gives runs: once. */
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

  /** Somebody reads them: those of upstreams that have gone for the last time. */
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
    // A call that had tried an upstream may end long after it has gone.
    if (this.#isTracking && upstream !== other && upstream !== none && !this.#tracked.has(upstream))
      this.#gone.add(upstream);
    return series;
  }
}

/** One number for both. HTTP statuses have three digits. */
function keyOf(status: number, grpc: number | undefined): number {
  return grpc === undefined ? status : (grpc + 2) * 1_000 + status;
}

/** What stands for all labels that there is no room for. */
export const other = "other";

/** What stands for the upstream and the route of calls that have none. */
export const none = "none";

/** What a map has at a key, made where it is missing. */
export function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
