import type { Resolved } from "../config/resolved.ts";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { sourceOf } from "../config/sources.ts";
import { caName, pairNames } from "../config/tls-names.ts";
import { type Cluster, cluster } from "./cluster.ts";
import type { ClusterContext } from "./cluster-context.ts";
import type { Origin } from "./origin.ts";
import type { Spans } from "./spans.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import type { TimeAndChance } from "./system.ts";
import type { Telemetry } from "./telemetry.ts";
import { Turns } from "./turns.ts";
import type { DataPlaneContext } from "./types.ts";

interface Known {
  readonly settings: string;
  /** See `sourceOf`. */
  readonly source: string | undefined;
  readonly cluster: Cluster;
  /** How many generations use it. */
  users: number;
}

type ClustersContext = Telemetry &
  TimeAndChance &
  Pick<ClusterContext, "states" | "central" | "ejected" | "network">;

interface Making extends Pick<ClusterContext, "files" | "tracing" | "policies"> {
  readonly config: ClusterConfig;
  readonly settings: string;
  readonly elsewhere: DataPlaneContext["known"];
}

/** The clusters by name, over all configurations. A cluster with unchanged settings is kept. */
export class Clusters {
  readonly #context: ClustersContext;
  readonly #found: DataPlaneContext["found"];
  readonly #current = new Map<string, Known>();

  /** @param found Called with discovered endpoints. */
  constructor(context: ClustersContext, found?: DataPlaneContext["found"]) {
    this.#context = context;
    this.#found = found;
  }

  /**
   * Returns the clusters of a configuration for a new generation: kept ones and new ones.
   *
   * @param elsewhere Endpoints discovered by other workers.
   */
  async take(
    { config, files }: Resolved,
    { tracing, settings: spans }: Spans,
    policies: PolicyRegistry,
    elsewhere?: DataPlaneContext["known"],
  ): Promise<Taken> {
    const taken = new Map<string, Known>();
    const turns = new Turns(this.#context.clock);
    const order = JSON.stringify([...policies.cluster, ...policies.endpoint].map((policy) => policy.name));
    const make = async (name: string, settings: ClusterConfig): Promise<void> => {
      const text = spans + order + settingsOf(settings, files);
      const known = this.#current.get(name);
      const one =
        known?.settings === text
          ? known
          : this.#make(name, { config: settings, settings: text, elsewhere, files, tracing, policies });
      one.users++;
      taken.set(name, one);
      await turns.next();
    };
    try {
      for (const [name, settings] of Object.entries(config.clusters)) await make(name, settings);
    } catch (error) {
      new Taken(taken).release();
      throw error;
    }
    return new Taken(taken);
  }

  #make(name: string, { config, settings, elsewhere, files, tracing, policies }: Making): Known {
    const source = sourceOf(config);
    const context = { ...this.#context, files, tracing, policies };
    // The main process knows those that it discovers.
    if (source === undefined || config.kubernetes !== undefined || config.xds !== undefined)
      return { settings, source, cluster: cluster(name, config, context), users: 0 };
    // If its source is unavailable now, the last known endpoints are better than none.
    const initial = this.#lastKnown(source) ?? elsewhere?.get(source);
    const made = cluster(name, config, context, initial, (endpoints) => this.#found?.({ source, endpoints }));
    return { settings, source, cluster: made, users: 0 };
  }

  #lastKnown(source: string): readonly Origin[] | undefined {
    for (const known of this.#current.values())
      if (known.source === source && known.cluster.endpoints.length > 0) return known.cluster.endpoints;
    return undefined;
  }

  /**
   * Makes these clusters the current ones, which later configurations keep. Settles when their lists
   * of endpoints have taken effect.
   */
  async use(taken: Taken, { config }: Resolved): Promise<void> {
    this.#current.clear();
    const updates: Promise<void>[] = [];
    for (const [name, known] of taken.known) {
      this.#current.set(name, known);
      updates.push(known.cluster.update(config.clusters[name] as ClusterConfig));
    }
    await Promise.all(updates);
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

  cluster(name: string): Cluster | undefined {
    return this.known.get(name)?.cluster;
  }

  /** Ends the generation and closes the clusters that no other one uses. */
  release(): void {
    for (const known of this.known.values()) {
      known.users--;
      if (known.users === 0) known.cluster.close();
    }
  }
}

/**
 * The identity of a cluster: its settings and the contents of its files, without its list of
 * endpoints, which can change.
 */
function settingsOf({ endpoints, ...config }: ClusterConfig, files: ReadonlyMap<string, string>): string {
  const { tls } = config;
  const pair = pairNames(tls);
  const contents = [caName(tls?.ca), pair?.certificate, pair?.key].map((path) => path && files.get(path));
  return JSON.stringify([config, endpoints !== undefined, contents]);
}
