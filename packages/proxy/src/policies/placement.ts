import type { AnyPolicy } from "./policy.ts";

/** A neighbour that a policy cannot have. */
export interface Misplaced {
  readonly policy: AnyPolicy;
  readonly field: "before" | "after";
  /** `unknown`: no other policy of the place has that name. */
  readonly problem: "unknown" | "contradiction";
}

/**
 * Orders the policies of a place from the outside in. Those without neighbours keep their order; the
 * others stand directly beside theirs, in their order if several stand on one side of it.
 *
 * @param policies With different names.
 */
export function placed(policies: readonly AnyPolicy[]): {
  readonly order: readonly AnyPolicy[];
  readonly misplaced: readonly Misplaced[];
} {
  const misplaced: Misplaced[] = [];
  const inside = insides(policies, misplaced);
  const left = new Set(policies.toSorted((a, b) => rankOf(a, policies) - rankOf(b, policies)));
  const order: AnyPolicy[] = [];
  while (left.size > 0) {
    const isFree = (policy: AnyPolicy): boolean =>
      [...left].every((other) => inside.get(other)?.has(policy) !== true);
    const [first] = left;
    // None is free in a contradiction, which is reported.
    const next = [...left].find(isFree) ?? (first as AnyPolicy);
    left.delete(next);
    order.push(next);
  }
  for (const policy of policies) {
    if (isInside(policy, policy, inside)) {
      if (policy.after !== undefined) misplaced.push({ policy, field: "after", problem: "contradiction" });
      else if (policy.before !== undefined)
        misplaced.push({ policy, field: "before", problem: "contradiction" });
    }
  }
  return { order, misplaced };
}

type Insides = ReadonlyMap<AnyPolicy, ReadonlySet<AnyPolicy>>;

/** The policies that must stand inside of each. */
function insides(policies: readonly AnyPolicy[], misplaced: Misplaced[]): Insides {
  const inside = new Map(policies.map((policy) => [policy, new Set<AnyPolicy>()]));
  const named = (policy: AnyPolicy, field: Misplaced["field"]): AnyPolicy | undefined => {
    if (policy[field] === undefined) return undefined;
    const other = policies.find((each) => each !== policy && each.name === policy[field]);
    if (other === undefined) misplaced.push({ policy, field, problem: "unknown" });
    return other;
  };
  let last: AnyPolicy | undefined;
  for (const policy of policies) {
    const [inner, outer] = [named(policy, "before"), named(policy, "after")];
    if (inner !== undefined) inside.get(policy)?.add(inner);
    if (outer !== undefined) inside.get(outer)?.add(policy);
    if (!isFixed(policy)) continue;
    if (last !== undefined) inside.get(last)?.add(policy);
    last = policy;
  }
  return inside;
}

function isFixed({ before, after }: AnyPolicy): boolean {
  return before === undefined && after === undefined;
}

/** Whether a policy must stand inside of another, also by way of others. */
function isInside(policy: AnyPolicy, of: AnyPolicy, inside: Insides, seen = new Set<AnyPolicy>()): boolean {
  if (seen.has(of)) return false;
  seen.add(of);
  return [...(inside.get(of) ?? [])].some((one) => one === policy || isInside(policy, one, inside, seen));
}

/** Where a policy stands unless something must be outside of it: near its neighbour. */
function rankOf(policy: AnyPolicy, policies: readonly AnyPolicy[], step = 1): number {
  if (isFixed(policy)) return policies.indexOf(policy);
  const neighbour = policies.find(({ name }) => name === (policy.before ?? policy.after));
  const small = step / 3;
  // A chain this long is a circle.
  if (neighbour === undefined || small < 1e-9) return policies.length;
  return rankOf(neighbour, policies, small) + (policy.before === undefined ? small : -small);
}
