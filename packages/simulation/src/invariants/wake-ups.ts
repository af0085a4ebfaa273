import type { World } from "../world.ts";

export const noLostWakeUps = "no wake-up is lost: waiting calls proceed when there is capacity";

/** A queue of calls. */
export interface Waiting {
  readonly name: string;
  /** The number of waiting calls. */
  readonly size: () => number;
  /** Whether what they wait for would admit one. */
  readonly isFree: () => boolean;
}

/** Tolerance for times that are sums of floating-point numbers. */
const toleranceMs = 0.001;

/** Once all events of a moment have run, no call may wait although there is capacity. */
export function wakeUpWatch(world: World, { name, size, isFree }: Waiting): void {
  let since: number | undefined;
  world.always(() => {
    const waiting = size();
    if (waiting === 0 || !isFree()) {
      since = undefined;
      return;
    }
    since ??= world.now;
    if (world.now - since > toleranceMs)
      world.violate(
        noLostWakeUps,
        `${waiting} have been waiting in ${name} since ${since} ms although there is capacity`,
      );
  });
  world.atTheEnd(() => {
    if (size() > 0) world.violate(noLostWakeUps, `${size()} are still waiting in ${name} at the end`);
  });
}

/** Counts the calls between two probes. */
export class Between {
  #size = 0;

  get size(): number {
    return this.#size;
  }

  readonly outside = {
    entered: (): void => {
      this.#size++;
    },
    left: (): void => {
      this.#size--;
    },
  };

  readonly inside = {
    entered: (): void => {
      this.#size--;
    },
    left: (): void => {
      this.#size++;
    },
  };
}
