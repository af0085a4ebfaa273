import type { Resolved } from "../config/resolved.ts";
import { sourceOf } from "../config/sources.ts";
import type { Found } from "../data-plane/types.ts";

/** The endpoints that workers know, for new workers that start while DNS cannot be asked. */
export class KnownEndpoints {
  readonly #found = new Map<string, Found["endpoints"]>();

  /** By what they were looked up by, see `sourceOf`. */
  get all(): ReadonlyMap<string, Found["endpoints"]> {
    return this.#found;
  }

  found({ source, endpoints }: Found): void {
    // A server in trouble may report no endpoints.
    if (endpoints.length > 0) this.#found.set(source, endpoints);
  }

  /** Forgets what a configuration does not look up. */
  keep({ config }: Resolved): void {
    const sources = new Set(Object.values(config.clusters).map(sourceOf));
    for (const source of this.#found.keys()) if (!sources.has(source)) this.#found.delete(source);
  }
}
