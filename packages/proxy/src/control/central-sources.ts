import type { Resolved } from "../config/resolved.ts";
import type { Central } from "../data-plane/central-endpoints.ts";

/** Discovers endpoints in the main process, for all workers. */
export interface CentralSource {
  /** The current state of its sources. */
  readonly all: readonly Central[];
  /** Why the process is not ready yet; undefined if nothing is missing. */
  readonly notReady?: string | undefined;
  /** Starts what a configuration needs. Settles when it has answered or failed once. */
  begin(resolved: Resolved): Promise<void>;
  /** Ends what a configuration does not use. */
  keep(resolved: Resolved): void;
  close(): void;
}

/** Several ways to discover endpoints, as one. */
export class CentralSources implements CentralSource {
  readonly #sources: readonly CentralSource[];

  constructor(...sources: readonly CentralSource[]) {
    this.#sources = sources;
  }

  get all(): readonly Central[] {
    return this.#sources.flatMap((source) => source.all);
  }

  get notReady(): string | undefined {
    return this.#sources.map((source) => source.notReady).find((reason) => reason !== undefined);
  }

  async begin(resolved: Resolved): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.begin(resolved)));
  }

  keep(resolved: Resolved): void {
    for (const source of this.#sources) source.keep(resolved);
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }
}
