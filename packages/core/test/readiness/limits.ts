import { type Fault, layer, type Layer, left, oneshot, type Service, WaitList } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";

export interface Full extends Fault<"Full"> {}
export const full: Full = { _tag: "Full", origin: "local", retryable: true };

/** The limit of a layer; several stacks may share one. */
export class Limit {
  readonly max: number;
  readonly waiting = new WaitList(() => this.inUse < this.max);
  inUse = 0;
  asks = 0;
  /** Highest number of slots in use at once. */
  peak = 0;

  constructor(max: number) {
    this.max = max;
  }

  ready(): undefined | Promise<void> {
    // A caller that asks this often is in a loop that would never end.
    if (++this.asks > 20_000) throw new Error("asked without end");
    return this.waiting.ready();
  }

  take(): void {
    this.inUse++;
    this.peak = Math.max(this.peak, this.inUse);
  }

  giveBack(): void {
    this.inUse--;
    this.waiting.wake();
  }
}

export function limited(limit: Limit): Layer<unknown, unknown, Full> {
  return layer<unknown, unknown, Full>("limited", (inner) => ({
    ready: () => limit.ready() ?? inner.ready(),
    call: async (request, signal) => {
      if (limit.inUse >= limit.max) return left(full);
      limit.take();
      try {
        return await inner.call(request, signal);
      } finally {
        limit.giveBack();
      }
    },
  }));
}

/**
 * A stack over a scripted service, callers that wait for it, and the order in which they were
 * admitted.
 */
export function bench(...limits: readonly Limit[]) {
  const mock = mockService<string, string>();
  const stack: Service<string, string, unknown> = limits.reduceRight<Service<string, string, unknown>>(
    (inner, limit) => limited(limit)(inner),
    mock.service,
  );
  function come(name: string, signal?: AbortSignal): Promise<unknown> {
    return oneshot(stack, name, signal);
  }
  return {
    mock,
    stack,
    come,
    through: (): readonly string[] => mock.calls.map((call) => call.request),
    answer: async (index: number): Promise<void> => {
      mock.calls[index]?.answer("done");
      await settled();
    },
  };
}
