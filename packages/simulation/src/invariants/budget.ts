import type { Both } from "../probe.ts";
import type { World } from "../world.ts";

export const withinBudget = "retries and second calls stay within the budget";

export interface Allowed {
  /** Of the budget that a retry and a hedge share. */
  readonly ratio: number;
  readonly minPerSecond: number;
  readonly windowMs: number;
  readonly attempts: number;
  /** Second calls for each call, of the hedge's own. */
  readonly maxExtraLoad: number;
  readonly hedgeWindowMs: number;
}

interface Tries {
  count: number;
  /** When the last one ended. */
  leftAt: number;
}

/**
 * Counts the calls that come to a retry and a hedge, and those that leave them. Over each span as long as the window,
 * and wherever it begins, the further ones are no more than the budget allows.
 *
 * A further try was taken out of the budget when the one before it had failed, so that is its time here.
 */
export function budgetWatch(world: World, allowed: Allowed): { readonly retry: Both; readonly hedge: Both } {
  const asked: number[] = [];
  const triesAsked: number[] = [];
  const further: number[] = [];
  const second: number[] = [];
  const tries = new Map<number, Tries>();
  const doubles = new Map<number, number>();

  world.atTheEnd(() => {
    const { ratio, minPerSecond, windowMs, maxExtraLoad, hedgeWindowMs } = allowed;
    within("further calls", asked, [...further, ...second], ratio, minPerSecond, windowMs);
    within("second calls", triesAsked, second, maxExtraLoad, 0, hedgeWindowMs);
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
      const seen = `${count} ${what} in the ${windowMs} ms up to ${to} ms, in which ${nextCall - firstCall} were asked for`;
      world.violate(withinBudget, `${seen}: at most ${most} are allowed`);
      return;
    }
  }

  return {
    retry: {
      outside: {
        entered({ request }) {
          asked.push(world.now);
          tries.set(request.id, { count: 0, leftAt: 0 });
        },
        left: ({ request }) => void tries.delete(request.id),
      },
      inside: {
        entered({ request }) {
          const known = tries.get(request.id);
          if (known === undefined) {
            world.violate(withinBudget, `call ${request.id} is tried although it is over`);
            return;
          }
          if (known.count > 0) further.push(known.leftAt);
          if (++known.count <= allowed.attempts) return;
          world.violate(
            withinBudget,
            `call ${request.id} is tried ${known.count} times: ${allowed.attempts} at most`,
          );
        },
        left({ request }) {
          const known = tries.get(request.id);
          if (known !== undefined) known.leftAt = world.now;
        },
      },
    },
    hedge: {
      outside: {
        entered({ request }) {
          triesAsked.push(world.now);
          doubles.set(request.id, 0);
        },
        left: ({ request }) => void doubles.delete(request.id),
      },
      inside: {
        entered({ request }) {
          const count = (doubles.get(request.id) ?? 0) + 1;
          doubles.set(request.id, count);
          if (count === 2) second.push(world.now);
          if (count === 2 && !request.replay.canDouble())
            world.violate(withinBudget, `call ${request.id} is doubled although it must not be`);
          if (count > 2) world.violate(withinBudget, `call ${request.id} is made ${count} times at once`);
        },
      },
    },
  };
}
