import type { Endpoint } from "@pagoda/core";

/** An endpoint of a cluster, keyed by origin. */
export interface Origin extends Endpoint {
  /**
   * The name that its certificate must have, if it differs from the key: the name that was
   * resolved.
   */
  readonly host?: string | undefined;
}
