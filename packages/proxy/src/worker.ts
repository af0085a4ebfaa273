import { workerArguments } from "./control/protocol.ts";
import { runWorker as run } from "./control/worker.ts";
import type { AnyPolicy } from "./policies/policy.ts";

export interface WorkerOptions {
  /** The policies that `startProxy` has been given. */
  readonly policies?: readonly AnyPolicy[];
}

/**
 * Runs a worker process of a proxy with policies of its own: the whole program of the module that
 * `code` of `startProxy` names.
 */
export function runWorker({ policies = [] }: WorkerOptions = {}): void {
  // The last arguments are the proxy's, whatever `code` has added before.
  run(workerArguments(process.argv.slice(-2)), policies);
}
