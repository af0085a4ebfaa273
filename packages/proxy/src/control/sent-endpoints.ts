import type { Central, CentralUpdate } from "../data-plane/central-endpoints.ts";
import { editsBetween } from "../data-plane/endpoint-edits.ts";
import type { Origin } from "../data-plane/origin.ts";

/** What a worker knows of the endpoints that the main process discovers. */
export class SentEndpoints {
  readonly #known = new Map<string, readonly Origin[]>();

  /** Returns what a worker must be told: only what has changed since the last time. */
  update({ endpoints, ...rest }: Central): CentralUpdate {
    const before = this.#known.get(rest.source) ?? [];
    this.#known.set(rest.source, endpoints);
    return { ...rest, edits: editsBetween(before, endpoints) };
  }

  /** Forgets the sources that are not among these, as the worker must do, too. */
  keep(sources: ReadonlySet<string | undefined>): void {
    for (const source of this.#known.keys()) if (!sources.has(source)) this.#known.delete(source);
  }
}
