import type { LayerWatch } from "../probe.ts";
import type { World } from "../world.ts";

export const withinBudget = "retries and hedges stay within their budgets";

export interface Allowed {
  /** The budget shared by the retry and the hedge. */
  readonly ratio: number;
  readonly minPerSecond: number;
  readonly windowMs: number;
  readonly attempts: number;
  /** Hedges per call, the hedge's own budget. */
  readonly maxExtraLoad: number;
  readonly hedgeWindowMs: number;
}

interface Attempts {
  count: number;
  /** When the last one ended. */
  leftAt: number;
}

/**
 * Counts the calls that enter a retry and a hedge and those that leave them. In every interval as long as the window,
 * the extra calls must be within the budget.
 *
 * A retry is withdrawn from the budget when the previous attempt has failed, so that is its time here.
 */
export function budgetWatch(
  world: World,
  allowed: Allowed,
): { readonly retry: LayerWatch; readonly hedge: LayerWatch } {
  const calls: number[] = [];
  const attempts: number[] = [];
  const retries: number[] = [];
  const hedges: number[] = [];
  const attemptsOf = new Map<number, Attempts>();
  const copiesOf = new Map<number, number>();

  world.atTheEnd(() => {
    const { ratio, minPerSecond, windowMs, maxExtraLoad, hedgeWindowMs } = allowed;
    within("extra calls", calls, [...retries, ...hedges], ratio, minPerSecond, windowMs);
    within("hedges", attempts, hedges, maxExtraLoad, 0, hedgeWindowMs);
  });

  function within(
    what: string,
    calls: readonly number[],
    more: readonly number[],
    ratio: number,
    minPerSecond: number,
    windowMs: number,
  ): void {
    const sorted = more.toSorted((a, b) => a - b);
    let firstCall = 0;
    let nextCall = 0;
    let first = 0;
    for (const [index, to] of sorted.entries()) {
      const from = to - windowMs;
      while (nextCall < calls.length && (calls[nextCall] as number) <= to) nextCall++;
      while (firstCall < nextCall && (calls[firstCall] as number) < from) firstCall++;
      while ((sorted[first] as number) < from) first++;
      const count = index - first + 1;
      const most = ratio * (nextCall - firstCall) + (minPerSecond * windowMs) / 1_000;
      if (count <= most + 1e-6) continue;
      const seen = `${count} ${what} in the ${windowMs} ms up to ${to} ms, for ${nextCall - firstCall} calls`;
      world.violate(withinBudget, `${seen}; allowed: ${most}`);
      return;
    }
  }

  return {
    retry: {
      outside: {
        entered({ request }) {
          calls.push(world.now);
          attemptsOf.set(request.id, { count: 0, leftAt: 0 });
        },
        left: ({ request }) => void attemptsOf.delete(request.id),
      },
      inside: {
        entered({ request }) {
          const known = attemptsOf.get(request.id);
          if (known === undefined) {
            world.violate(withinBudget, `call ${request.id} is attempted after it was over`);
            return;
          }
          if (known.count > 0) retries.push(known.leftAt);
          if (++known.count <= allowed.attempts) return;
          world.violate(
            withinBudget,
            `call ${request.id} is attempted ${known.count} times; allowed: ${allowed.attempts}`,
          );
        },
        left({ request }) {
          const known = attemptsOf.get(request.id);
          if (known !== undefined) known.leftAt = world.now;
        },
      },
    },
    hedge: {
      outside: {
        entered({ request }) {
          attempts.push(world.now);
          copiesOf.set(request.id, 0);
        },
        left: ({ request }) => void copiesOf.delete(request.id),
      },
      inside: {
        entered({ request }) {
          const count = (copiesOf.get(request.id) ?? 0) + 1;
          copiesOf.set(request.id, count);
          if (count === 2) hedges.push(world.now);
          if (count === 2 && !request.replay.canHedge())
            world.violate(withinBudget, `call ${request.id} is hedged although it must not be`);
          if (count > 2)
            world.violate(withinBudget, `call ${request.id} is made ${count} times concurrently`);
        },
      },
    },
  };
}
