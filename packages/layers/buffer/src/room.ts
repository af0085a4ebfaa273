import type { WaitList } from "@pagoda/core";

/** Queue capacity shared by several buffers. Made by {@link bufferRoom}. */
export class BufferRoom {
  /** @internal Number of queued calls. */
  taken = 0;
  /** @internal The buffers that have callers waiting for room. */
  readonly waiting = new Set<WaitList>();

  /** @internal */
  leave(): void {
    this.taken--;
    if (this.waiting.size > 0) for (const list of this.waiting) list.wake();
  }
}

/**
 * Makes queue capacity that several buffers share, such as those of the previous and the new
 * configuration. Together they hold no more calls than one of them would.
 */
export function bufferRoom(): BufferRoom {
  return new BufferRoom();
}
