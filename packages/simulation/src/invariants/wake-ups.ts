import type { World } from "../world.ts";

export const noWakeUpLost = "a waiting call is woken when there is room";

/** A place where calls wait. */
export interface Waiting {
  readonly name: string;
  /** How many wait. */
  readonly size: () => number;
  /** Whether what they wait for would admit one of them. */
  readonly isFree: () => boolean;
}

/** A clock reads times as they come out of additions: one that is due may be so by a hair only. */
const hairMs = 0.001;

/** When all that can happen at a moment has happened, nobody waits for what is free: somebody would have been woken. */
export function wakeUpWatch(world: World, { name, size, isFree }: Waiting): void {
  let since: number | undefined;
  world.always(() => {
    const waiting = size();
    if (waiting === 0 || !isFree()) {
      since = undefined;
      return;
    }
    since ??= world.now;
    if (world.now - since > hairMs)
      world.violate(noWakeUpLost, `${waiting} wait in ${name} since ${since} ms although there is room`);
  });
  world.atTheEnd(() => {
    if (size() > 0) world.violate(noWakeUpLost, `${size()} wait in ${name} when nothing happens any more`);
  });
}

/** Counts calls that have passed one place but not the other. */
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
