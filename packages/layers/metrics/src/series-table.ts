import { type CallNotes, knownMethods } from "@pagoda/http";
import { at, type ConstantLabels, none, other, Series } from "./series.ts";

type Statuses = Map<number, Series>;
type Methods = Map<string, Statuses>;
type Upstreams = Map<string, Methods>;
type Clusters = Map<string, Upstreams>;

/** The series with the same constant labels. */
export interface SeriesGroup {
  readonly labels: ConstantLabels;
  readonly routes: Map<string, Clusters>;
}

/** What tells the series of a group apart. */
interface Place {
  readonly route: string;
  readonly cluster: string;
  readonly upstream: string;
}

/** Everything beyond the maximum. */
const beyond: Place = { route: other, cluster: other, upstream: other };

/** All series of a registry. Looking one up builds no key and costs about 20 ns. */
export class SeriesTable {
  readonly #bounds: readonly number[];
  readonly #hasRoutes: boolean;
  readonly #max: number;
  readonly #groups = new Map<string, SeriesGroup>();
  /** Tracked upstreams and how often each is tracked. */
  readonly #tracked = new Map<string, number>();
  #isTracking = false;
  /** Removed upstreams whose series have not been scraped since. */
  readonly #gone = new Set<string>();
  all: Series[] = [];

  /**
   * @param routes Whether route and cluster are labels.
   * @param max Maximum number of series; beyond it, upstream, route and cluster are `other`.
   */
  constructor(bounds: readonly number[], routes: boolean, max: number) {
    this.#bounds = bounds;
    this.#hasRoutes = routes;
    this.#max = max;
  }

  /** Returns the series with these labels, which are the same ones for the same labels. */
  group(labels: ConstantLabels): SeriesGroup {
    return at(this.#groups, JSON.stringify(Object.entries(labels).toSorted()), () => ({
      labels,
      routes: new Map(),
    }));
  }

  /**
   * @param status 0 if there was no response.
   * @param grpc Status code of a gRPC call, -1 if there was none; `undefined` for other calls.
   */
  find(
    group: SeriesGroup,
    notes: CallNotes,
    upstream: string,
    method: string,
    status: number,
    grpc?: number,
  ): Series {
    const route = this.#hasRoutes ? (notes.route ?? none) : "";
    const cluster = this.#hasRoutes ? (notes.cluster ?? none) : "";
    const known = knownMethods.has(method) ? method : "OTHER";
    const upstreams = group.routes.get(route)?.get(cluster);
    const series = upstreams?.get(upstream)?.get(known)?.get(keyOf(status, grpc));
    return series ?? this.#make(group, { route, cluster, upstream }, known, status, grpc);
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
    for (const { routes } of this.#groups.values())
      for (const clusters of routes.values())
        for (const upstreams of clusters.values())
          for (const upstream of this.#gone) upstreams.delete(upstream);
    this.#gone.clear();
  };

  #make(group: SeriesGroup, wanted: Place, method: string, status: number, grpc: number | undefined): Series {
    const { route, cluster, upstream } = this.all.length >= this.#max ? this.#beyond : wanted;
    const clusters = at(group.routes, route, () => new Map() as Clusters);
    const upstreams = at(clusters, cluster, () => new Map() as Upstreams);
    const methods = at(upstreams, upstream, () => new Map() as Methods);
    const statuses = at(methods, method, () => new Map() as Statuses);
    const key = keyOf(status, grpc);
    // There is one already only beyond the maximum.
    const found = statuses.get(key);
    if (found !== undefined) return found;
    const series = new Series(
      {
        ...group.labels,
        method,
        ...(this.#hasRoutes && { route, cluster }),
        status: status === 0 ? "error" : String(status),
        ...(grpc !== undefined && { grpc_status: grpc < 0 ? "none" : String(grpc) }),
        upstream,
      },
      this.#bounds,
    );
    statuses.set(key, series);
    this.all.push(series);
    // A call to an upstream may end long after the upstream was removed.
    if (this.#isTracking && upstream !== other && upstream !== none && !this.#tracked.has(upstream))
      this.#gone.add(upstream);
    return series;
  }

  get #beyond(): Place {
    return this.#hasRoutes ? beyond : { ...beyond, route: "", cluster: "" };
  }
}

/** Combines both into one number. HTTP statuses have three digits. */
function keyOf(status: number, grpc: number | undefined): number {
  return grpc === undefined ? status : (grpc + 2) * 1_000 + status;
}
