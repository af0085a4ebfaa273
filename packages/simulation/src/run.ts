import type { Parts } from "./parts.ts";
import { Setting } from "./setting.ts";
import { stackNames, type StackName, stacks } from "./stacks/index.ts";
import { Trouble } from "./trouble.ts";
import { report, type RunName } from "./violation.ts";
import { noWakeUpLost } from "./invariants/wake-ups.ts";
import type { Violation } from "./world.ts";
import { Workload } from "./workload.ts";

export interface RunOptions {
  readonly seed: number;
  readonly calls: number;
  /** Default: one that follows from the seed. */
  readonly stack?: StackName;
  /** Default: the real ones. */
  readonly parts?: Parts;
}

export interface Ran {
  readonly name: RunName;
  /** The same for the same run, wherever it is made. */
  readonly digest: string;
  readonly virtualMs: number;
  /** What happened how often, by name. */
  readonly tally: ReadonlyMap<string, number>;
  readonly violation: Violation | undefined;
  /** What people read of the violation. */
  readonly report: string | undefined;
}

/** An hour of virtual time: whatever is under way when the last call has come is over long before. */
const patienceMs = 3_600_000;

/** One run: a stack over its origins, its calls, and their failures. The seed determines everything. */
export async function run({ seed, calls, stack = stackOf(seed), parts }: RunOptions): Promise<Ran> {
  const setting = new Setting(seed, parts);
  const { world } = setting;
  const simulated = stacks[stack](setting);
  const trouble = new Trouble(world, simulated);
  const workload = new Workload(setting, simulated, calls);

  await world.run(() => workload.isComplete);
  trouble.end();
  const until = world.now + patienceMs;
  await world.run(() => workload.isOver || world.now > until);
  if (workload.active > 0)
    world.violate(noWakeUpLost, `${workload.active} calls have no answer, and nothing happens`);
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

/** Neighbouring seeds have different stacks. */
export function stackOf(seed: number): StackName {
  return stackNames[seed % stackNames.length] as StackName;
}
