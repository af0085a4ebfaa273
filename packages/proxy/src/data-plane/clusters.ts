import type { Resolved } from "../config/resolved.ts";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { sourceOf } from "../config/sources.ts";
import { type Cluster, cluster } from "./cluster.ts";
import type { ClusterContext } from "./cluster-context.ts";
import type { Origin } from "./origin.ts";
import type { Spans } from "./spans.ts";
import type { States } from "../policies/states.ts";
import type { Telemetry } from "./telemetry.ts";
import type { DataPlaneContext } from "./types.ts";

interface Known {
  readonly settings: string;
  /** See `sourceOf`. */
  readonly source: string | undefined;
  readonly cluster: Cluster;
  /** How many generations use it. */
  users: number;
}

interface Making extends Pick<ClusterContext, "files" | "tracing"> {
  readonly config: ClusterConfig;
  readonly settings: string;
  readonly elsewhere: DataPlaneContext["known"];
}

/** The clusters by their names, over all configurations: one whose settings stay the same goes on as it is. */
export class Clusters {
  readonly #context: Telemetry & { readonly states: States };
  readonly #found: DataPlaneContext["found"];
  readonly #current = new Map<string, Known>();

  /** @param found Told of endpoints that have been looked up. */
  constructor(context: Telemetry & { readonly states: States }, found?: DataPlaneContext["found"]) {
    this.#context = context;
    this.#found = found;
  }

  /**
   * The clusters of a configuration, for one generation more: those that go on, and new ones.
   *
   * @param elsewhere Endpoints that others have looked up.
   */
  take(
    { config, files }: Resolved,
    { tracing, settings: spans }: Spans,
    elsewhere?: DataPlaneContext["known"],
  ): Taken {
    const taken = new Map<string, Known>();
    for (const [name, settings] of Object.entries(config.clusters)) {
      const text = spans + settingsOf(settings, files);
      const known = this.#current.get(name);
      const one =
        known?.settings === text
          ? known
          : this.#make(name, { config: settings, settings: text, elsewhere, files, tracing });
      one.users++;
      taken.set(name, one);
    }
    return new Taken(taken);
  }

  #make(name: string, { config, settings, elsewhere, files, tracing }: Making): Known {
    const source = sourceOf(config);
    const context = { ...this.#context, files, tracing };
    if (source === undefined) return { settings, source, cluster: cluster(name, config, context), users: 0 };
    // Where its source cannot be asked now, what it gave last is better than nothing.
    const initial = this.#lastKnown(source) ?? elsewhere?.get(source);
    const made = cluster(name, config, context, initial, (endpoints) => this.#found?.({ source, endpoints }));
    return { settings, source, cluster: made, users: 0 };
  }

  #lastKnown(source: string): readonly Origin[] | undefined {
    for (const known of this.#current.values())
      if (known.source === source && known.cluster.endpoints.length > 0) return known.cluster.endpoints;
    return undefined;
  }

  /** From now on these are what a further configuration goes on with; lists of endpoints take effect. */
  use(taken: Taken, { config }: Resolved): void {
    this.#current.clear();
    for (const [name, known] of taken.known) {
      this.#current.set(name, known);
      known.cluster.update(config.clusters[name] as ClusterConfig);
    }
  }
}

/** The clusters of one generation. */
export class Taken {
  readonly known: ReadonlyMap<string, Known>;

  constructor(known: ReadonlyMap<string, Known>) {
    this.known = known;
  }

  get all(): readonly (readonly [name: string, cluster: Cluster])[] {
    return Array.from(this.known, ([name, { cluster }]) => [name, cluster] as const);
  }

  /** The generation is over: those that no other one uses are closed. */
  release(): void {
    for (const known of this.known.values()) {
      known.users--;
      if (known.users === 0) known.cluster.close();
    }
  }
}

/** All that makes a cluster another one, with the contents of its files; a list of endpoints can change. */
function settingsOf({ endpoints, ...config }: ClusterConfig, files: ReadonlyMap<string, string>): string {
  const { tls } = config;
  const contents = [tls?.ca, tls?.certificate, tls?.key].map((path) => path && files.get(path));
  return JSON.stringify([config, endpoints !== undefined, contents]);
}
