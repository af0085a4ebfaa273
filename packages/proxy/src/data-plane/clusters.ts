import type { Resolved } from "../config/resolved.ts";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { type Cluster, cluster } from "./cluster.ts";
import type { Spans } from "./spans.ts";
import type { Tell } from "./tell.ts";

interface Known {
  readonly settings: string;
  readonly cluster: Cluster;
  /** How many generations use it. */
  users: number;
}

/** The clusters by their names, over all configurations: one whose settings stay the same goes on as it is. */
export class Clusters {
  readonly #context: Tell;
  readonly #current = new Map<string, Known>();

  constructor(context: Tell) {
    this.#context = context;
  }

  /** The clusters of a configuration, for one generation more: those that go on, and new ones. */
  take({ config, files }: Resolved, { tracer, settings: tracing }: Spans): Taken {
    const taken = new Map<string, Known>();
    for (const [name, settings] of Object.entries(config.clusters)) {
      const text = tracing + settingsOf(settings, files);
      const known = this.#current.get(name);
      const goesOn = known?.settings === text;
      const one = goesOn
        ? known
        : { settings: text, cluster: cluster(name, settings, { ...this.#context, files, tracer }), users: 0 };
      one.users++;
      taken.set(name, one);
    }
    return new Taken(taken);
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
