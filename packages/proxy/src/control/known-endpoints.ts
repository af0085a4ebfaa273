import type { Resolved } from "../config/resolved.ts";
import { sourceOf } from "../config/sources.ts";
import type { Found } from "../data-plane/types.ts";

/** The endpoints that workers know, for new workers that start while DNS is down. */
export class KnownEndpoints {
  readonly #found = new Map<string, Found["endpoints"]>();

  /** By source, see `sourceOf`. */
  get all(): ReadonlyMap<string, Found["endpoints"]> {
    return this.#found;
  }

  found({ source, endpoints }: Found): void {
    // A server in trouble may report no endpoints.
    if (endpoints.length > 0) this.#found.set(source, endpoints);
  }

  /** Forgets sources that a configuration does not use. */
  keep({ config }: Resolved): void {
    const sources = new Set(Object.values(config.clusters).map(sourceOf));
    for (const source of this.#found.keys()) if (!sources.has(source)) this.#found.delete(source);
  }
}
