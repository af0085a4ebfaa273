import type { Discovery, Endpoint } from "@pagoda/core";
import type { ClusterConfig } from "../config/schema/cluster.ts";

/** An endpoint of a cluster, keyed by origin. */
export interface Origin extends Endpoint {
  /**
   * The name that its certificate must have, if it differs from the key: the name that was
   * resolved.
   */
  readonly host?: string | undefined;
  /** Why its control plane considers it unhealthy. */
  readonly unhealthy?: string | undefined;
}

/** The endpoints of a cluster. */
export interface Endpoints extends Discovery<Origin> {
  /** Settles when the endpoints are first known, or the first discovery has failed. */
  readonly started: Promise<unknown>;
  /** Why the last discovery failed; undefined if it succeeded. */
  readonly lastError: string | undefined;
  /** Applies a configuration of the same kind. */
  update(config: ClusterConfig): void;
  close(): void;
}
