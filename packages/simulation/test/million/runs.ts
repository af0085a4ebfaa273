import { run } from "../../src/run.ts";
import type { StackName } from "../../src/stacks/index.ts";

export const seeds = [11, 12, 13, 14, 15];
export const callsPerSeed = 50_000;
/** Far more than it takes, for the sake of busy machines. */
export const timeLimitMs = 600_000;

/**
 * Makes a quarter of a million calls of a stack: five seeds, 50,000 calls each.
 *
 * @returns Counts of what happened, and the violations.
 */
export async function quarter(stack: StackName): Promise<{ tally: Map<string, number>; reports: string[] }> {
  const sum = new Map<string, number>();
  const reports: string[] = [];
  for (const seed of seeds) {
    const { tally, report } = await run({ seed, calls: callsPerSeed, stack });
    for (const [name, count] of tally) sum.set(name, (sum.get(name) ?? 0) + count);
    if (report !== undefined) reports.push(report);
  }
  return { tally: sum, reports };
}

/** The names that occurred fewer than ten times: without them, the run would not have tested the invariants. */
export function rare(tally: ReadonlyMap<string, number>, names: readonly string[]): string[] {
  return names.filter((name) => (tally.get(name) ?? 0) < 10);
}
