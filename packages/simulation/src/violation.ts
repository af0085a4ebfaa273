import type { Violation } from "./world.ts";

/** What identifies a run. */
export interface RunName {
  readonly seed: number;
  readonly calls: number;
  readonly stack: string;
}

/** The command that reproduces a run exactly. */
export function command({ seed, calls, stack }: RunName): string {
  return `npm run simulate -- --seed ${seed} --calls ${calls} --stack ${stack}`;
}

/** What was violated, when, and how to reproduce it. */
export function report({ invariant, observed, atMs }: Violation, run: RunName): string {
  return `invariant violated: ${invariant}\n  observed: ${observed}\n  at: ${atMs} ms, seed ${run.seed}\n  reproduce: ${command(run)}`;
}
