import type { Violation } from "./world.ts";

/** The run that is to be made again. */
export interface RunName {
  readonly seed: number;
  readonly calls: number;
  readonly stack: string;
}

/** The line that makes a run again, event by event. */
export function command({ seed, calls, stack }: RunName): string {
  return `npm run simulate -- --seed ${seed} --calls ${calls} --stack ${stack}`;
}

/** For people: what broke, where, and how to see it again. */
export function report({ invariant, seen, atMs }: Violation, run: RunName): string {
  return `invariant broken: ${invariant}\n  seen: ${seen}\n  at: ${atMs} ms, seed ${run.seed}\n  again: ${command(run)}`;
}
