import type { WaitList } from "@pagoda/core";

/** The places of calls that wait, for buffers that have them in common. Made by {@link bufferRoom}. */
export class BufferRoom {
  /** @internal Places taken. */
  taken = 0;
  /** @internal Of the buffers where somebody waits for room. */
  readonly waiting = new Set<WaitList>();

  /** @internal */
  leave(): void {
    this.taken--;
    if (this.waiting.size > 0) for (const list of this.waiting) list.wake();
  }
}

/**
 * Room for several buffers, such as those of a former and a new configuration: together they hold no more calls than one of
 * them would.
 */
export function bufferRoom(): BufferRoom {
  return new BufferRoom();
}
