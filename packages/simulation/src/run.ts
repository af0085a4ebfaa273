import type { Parts } from "./parts.ts";
import { Environment } from "./environment.ts";
import { stackNames, type StackName, stacks } from "./stacks/index.ts";
import { Chaos } from "./chaos.ts";
import { report, type RunName } from "./violation.ts";
import { noLostWakeUps } from "./invariants/wake-ups.ts";
import type { Violation } from "./world.ts";
import { Workload } from "./workload.ts";

export interface RunOptions {
  readonly seed: number;
  readonly calls: number;
  /** Default: chosen by the seed. */
  readonly stack?: StackName;
  /** Default: the real layers. */
  readonly parts?: Parts;
}

export interface Ran {
  readonly name: RunName;
  /** Equal for equal runs, on every machine. */
  readonly digest: string;
  readonly virtualMs: number;
  /** Counts of what happened, by name. */
  readonly tally: ReadonlyMap<string, number>;
  readonly violation: Violation | undefined;
  /** The violation as printed. */
  readonly report: string | undefined;
}

/** An hour of virtual time, far more than the calls in flight need after the last arrival. */
const timeLimitMs = 3_600_000;

/** Runs a stack over its origins with calls and failures. The seed determines everything. */
export async function run({ seed, calls, stack = stackOf(seed), parts }: RunOptions): Promise<Ran> {
  const environment = new Environment(seed, parts);
  const { world } = environment;
  const simulated = stacks[stack](environment);
  const chaos = new Chaos(world, simulated);
  const workload = new Workload(environment, simulated, calls);

  await world.run(() => workload.isComplete);
  chaos.end();
  const until = world.now + timeLimitMs;
  await world.run(() => workload.isOver || world.now > until);
  if (workload.active > 0)
    world.violate(noLostWakeUps, `${workload.active} calls are still pending, and no event is left`);
  await world.run(() => simulated.isBusy?.() !== true || world.now > until);
  await world.end();
  simulated.close?.();
  await world.settle();

  const { digest } = workload;
  digest.add(world.now);
  const name = { seed, calls, stack };
  const { violation } = world;
  return {
    name,
    digest: digest.toString(),
    virtualMs: world.now,
    tally: world.tally,
    violation,
    report: violation && report(violation, name),
  };
}

/** Consecutive seeds get different stacks. */
export function stackOf(seed: number): StackName {
  return stackNames[seed % stackNames.length] as StackName;
}
