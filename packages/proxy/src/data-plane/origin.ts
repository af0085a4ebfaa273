import type { Endpoint } from "@pagoda/core";

/** An endpoint of a cluster: its key is its origin. */
export interface Origin extends Endpoint {
  /** What its certificate must show where that is not what its key says: the name that was looked up. */
  readonly host?: string | undefined;
}
