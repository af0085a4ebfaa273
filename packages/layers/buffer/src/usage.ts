import type { WaitList } from "@pagoda/core";

/** Queued calls of buffers that share their capacity. Created by {@link bufferUsage}. */
export class BufferUsage {
  /** @internal What the queued calls cost together. */
  taken = 0;
  /** @internal The buffers that have callers waiting for room. */
  readonly waiting = new Set<WaitList>();

  /** @internal */
  leave(cost: number): void {
    this.taken -= cost;
    if (this.waiting.size > 0) for (const list of this.waiting) list.wake();
  }
}

/**
 * Creates usage counters to share between buffers, for example across a configuration change.
 * Together they hold no more calls than one of them would.
 */
export function bufferUsage(): BufferUsage {
  return new BufferUsage();
}
