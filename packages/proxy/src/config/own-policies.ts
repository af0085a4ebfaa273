import { policyProblem } from "../plugins/validate.ts";
import type { AnyPolicy } from "../policies/policy.ts";
import { builtInPolicies, type PolicyRegistry, registryOf } from "../policies/registry.ts";
import { nameProblems, placeProblems, schemaProblem, tagProblems } from "./plugin-problems.ts";

/**
 * The built-in policies with those of a program.
 *
 * @throws RangeError if one of them cannot be used.
 */
export function ownPolicies(policies: readonly AnyPolicy[]): PolicyRegistry {
  policies.forEach((policy, at) => refuse(at, policyProblem(policy) ?? schemaProblem(policy)));
  for (const find of [nameProblems, tagProblems, placeProblems]) {
    const [problem] = find(policies, builtInPolicies.all);
    if (problem !== undefined) refuse(policies.indexOf(problem.policy), problem.message);
  }
  return registryOf(policies);
}

function refuse(at: number, problem: string | undefined): void {
  if (problem !== undefined) throw new RangeError(`policies[${at}]: ${problem}`);
}
