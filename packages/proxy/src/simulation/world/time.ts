import { settled, type VirtualClock, virtualClock } from "@pagoda/core/testing";

/** Moments between turns of the event loop, in which the process hears its signals. */
const momentsInARow = 1_024;

/** Virtual time, which moves from one timer to the next. */
export class Time {
  readonly clock: VirtualClock = virtualClock();
  #moments = 0;

  /** Moves on until `isOver`, with `each` after every moment; returns false if no timer was left. */
  async run(isOver: () => boolean, each: () => Promise<void> | undefined): Promise<boolean> {
    for (;;) {
      await this.settle();
      const more = each();
      if (more !== undefined) await more;
      if (isOver()) return true;
      if (!this.clock.fireNext()) return false;
    }
  }

  /** Lets everything happen that does not wait for a timer. */
  settle(): Promise<void> {
    return ++this.#moments % momentsInARow === 0 ? settled() : drained();
  }
}

/** Like `settled` without a turn of the event loop, which would cost three times as much. */
function drained(): Promise<void> {
  // A nextTick scheduled by a microtask runs once the microtask queue is empty.
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)));
}
