import type { ClientBench } from "./client-bench.ts";

/** A behaviour that every client has. */
export interface ClientRule {
  readonly name: string;
  run(bench: ClientBench): Promise<void>;
}

/** A behaviour in which clients may differ. */
export interface ClientDifference {
  readonly behaviour: string;
  /** Returns what this client does, as the tables in the READMEs have it. */
  observe(bench: ClientBench): Promise<string>;
}
