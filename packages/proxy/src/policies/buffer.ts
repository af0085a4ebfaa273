import { buffer as bufferLayer, type BufferObserver, bufferUsage } from "@pagoda/buffer";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";
import { soon } from "./retry-after.ts";

const events = eventsOf<BufferObserver>("buffer", ["dropped"], {
  queued: (depth) => `queued, at place ${depth}`,
  passed: (waitedMs) => (waitedMs === 0 ? undefined : `left the queue after ${Math.round(waitedMs)} ms`),
  dropped: (reason) => dropped[reason],
});

const dropped = {
  full: "refused: the queue is full",
  displaced: "displaced from the queue by a call of higher priority",
  timedOut: "waited in the queue for `maxWait`",
  aborted: "the client left while the call was queued",
} as const;

/**
 * Queues calls. Stands around whatever is not always ready: the route's concurrency limit, and its
 * clusters.
 */
export const buffer = definePolicy({
  name: "buffer",
  at: ["route"],
  schema: ({ fields, whole, duration }) =>
    fields({
      capacity: whole(1, 1_000_000).describe("Maximum calls that wait."),
      maxWait: duration.optional().describe("Maximum wait. Default: 3s."),
    })
      .optional()
      .describe("Queues calls that would exceed a limit."),
  events,
  state: {
    // Queued calls occupy the new capacity.
    boundTo: () => undefined,
    create: bufferUsage,
  },
  layer: ({ capacity, maxWait }, { observe, clock }: Environment, usage) =>
    bufferLayer({
      capacity,
      ...(maxWait !== undefined && { maxWaitMs: maxWait }),
      usage,
      observer: observe(events),
      clock,
    }),
  answers: {
    BufferFull: { status: 503, message: "too many queued requests", headers: soon },
    QueueTimedOut: { status: 503, message: "timed out waiting for the upstream", headers: soon },
  },
});
