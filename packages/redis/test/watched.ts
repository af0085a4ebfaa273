import { settled } from "@pagoda/core/testing";
import type { Rates } from "@pagoda/rate-limit";
import { redisLimits, type RedisLimits, type RedisLimitsOptions } from "@pagoda/redis";
import { onTestFinished } from "vitest";

/** A limit of 10 calls. */
export const rates: Rates = { global: { perSecond: 0.001, burst: 10 }, keyed: undefined };
export const one = { global: 1, keys: [] };

type Kind = "connected" | "disconnected";

/** Limits whose connections can be awaited. */
export interface Watched {
  readonly limits: RedisLimits;
  /** Waits for the next such event. Returns the reason, or the server that is connected. */
  next(kind: Kind): Promise<string>;
}

export function watched(options: RedisLimitsOptions): Watched {
  const events: { readonly kind: Kind; readonly text: string }[] = [];
  const waiting = new Set<() => void>();
  const happened = (kind: Kind, text: string): void => {
    events.push({ kind, text });
    for (const wake of waiting) wake();
  };
  const limits = redisLimits({
    ...options,
    observer: {
      connected: (server) => happened("connected", server),
      disconnected: (_server, reason) => happened("disconnected", reason),
    },
  });
  onTestFinished(() => limits.close());
  return {
    limits,
    async next(kind) {
      for (let at = 0; ;) {
        const found = events.findIndex((event, index) => index >= at && event.kind === kind);
        if (found !== -1) return events.splice(0, found + 1)[found]?.text as string;
        at = events.length;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
  };
}

/** Asks until Redis grants or refuses. */
export async function answered(limits: RedisLimits, name: string = "test"): Promise<number> {
  for (;;) {
    const answer = await limits
      .limit(name)
      .take(one, rates)
      .catch(() => undefined);
    if (answer !== undefined) return answer.global.granted;
    await settled();
  }
}
