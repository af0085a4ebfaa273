import { readOptions, type Options } from "./options.ts";
import type { Parts } from "./parts.ts";
import { type Ran, run } from "./run.ts";

/** Output and real time. */
export interface Terminal {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  readonly now: () => number;
}

/**
 * Runs until an invariant is violated or the time is up.
 *
 * @returns The exit code. 0: all invariants hold. 1: one was violated. 2: usage error.
 */
export async function main(args: readonly string[], terminal: Terminal, parts?: Parts): Promise<number> {
  let options: Options;
  try {
    options = readOptions(args);
  } catch (error) {
    terminal.error((error as Error).message);
    return 2;
  }
  const { seed, calls, stack, forSeconds } = options;
  const until = terminal.now() + (forSeconds ?? 0) * 1_000;
  for (let next = seed; ; next++) {
    const ran = await run({ seed: next, calls, ...(stack && { stack }), ...(parts && { parts }) });
    terminal.out(line(ran));
    if (ran.report !== undefined) {
      terminal.error(ran.report);
      return 1;
    }
    if (terminal.now() >= until) return 0;
  }
}

/** The summary line of a run, the same on every machine. */
function line({ name: { seed, calls, stack }, digest, virtualMs, tally }: Ran): string {
  const seconds = (virtualMs / 1_000).toFixed(1);
  const counts = [...tally]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
  return `seed ${seed}, ${stack}, ${calls} calls in ${seconds} s of virtual time, digest ${digest}: ${counts}`;
}
