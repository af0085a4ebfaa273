import { run } from "../../src/run.ts";
import type { StackName } from "../../src/stacks/index.ts";

export const seeds = [11, 12, 13, 14, 15];
export const callsPerSeed = 50_000;
/** Far more than it takes; a machine that is busy with other things may need it. */
export const patienceMs = 600_000;

/**
 * A quarter of a million calls of a stack: five seeds, 50,000 calls each.
 *
 * @returns What happened how often, and what was broken.
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

/** Those that have not happened even ten times: an invariant that was never in danger shows nothing. */
export function rare(tally: ReadonlyMap<string, number>, names: readonly string[]): string[] {
  return names.filter((name) => (tally.get(name) ?? 0) < 10);
}
