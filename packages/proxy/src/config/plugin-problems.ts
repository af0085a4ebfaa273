import { formatValue } from "@pagoda/core";
import { z } from "zod";
import { ownAnswers } from "../policies/own-answers.ts";
import { placed } from "../policies/placement.ts";
import { type AnyPolicy, policyPlaces } from "../policies/policy.ts";
import { policiesAt } from "../policies/registry.ts";
import { vocabulary } from "../schema/vocabulary.ts";
import { nearest } from "./document.ts";

/** A problem of a policy. */
export interface PolicyProblem {
  readonly policy: AnyPolicy;
  readonly message: string;
}

/**
 * What is wrong with the schema of a policy; undefined if nothing is. A configuration without the
 * field must be valid, and every valid one can be written.
 */
export function schemaProblem(policy: AnyPolicy): string | undefined {
  try {
    const schema: unknown = policy.schema(vocabulary);
    if (!(schema instanceof z.ZodType))
      return `schema must return a schema made of the vocabulary that it is given (got ${formatValue(schema)})`;
    if (!schema.safeParse(undefined).success)
      return "schema must accept an absent field: make it optional, or give it a default";
    for (const io of ["input", "output"] as const) {
      let transforms = false;
      const override = ({ zodSchema }: { readonly zodSchema: z.core.$ZodType }): void => {
        transforms ||= zodSchema._zod.def.type === "transform";
      };
      z.toJSONSchema(schema, { io, unrepresentable: "any", override });
      if (transforms)
        return "schema must not transform in one direction: use a codec, which /config can write";
    }
    return undefined;
  } catch (error) {
    return `schema failed: ${String(error)}`;
  }
}

/** Policies with the name of another one. */
export function nameProblems(policies: readonly AnyPolicy[], known: readonly AnyPolicy[]): PolicyProblem[] {
  return policies.flatMap((policy, at) => {
    const isTaken = [...known, ...policies.slice(0, at)].some(({ name }) => name === policy.name);
    return isTaken
      ? [{ policy, message: `name "${policy.name}" is already the name of another policy` }]
      : [];
  });
}

/**
 * Policies with answers that would not be given: to errors of the proxy itself, or a gRPC status
 * other than that of the policy which has the tag, too. Their HTTP answers may differ, since errors
 * know the policy that raised them.
 */
export function tagProblems(policies: readonly AnyPolicy[], known: readonly AnyPolicy[]): PolicyProblem[] {
  const problems: PolicyProblem[] = [];
  const before = [...known];
  for (const policy of policies) {
    for (const tag of Object.keys(policy.answers as object)) {
      if (Object.hasOwn(ownAnswers, tag))
        problems.push({
          policy,
          message: `answers.${tag} is answered by the proxy itself; raise an error with a _tag of its own`,
        });
      const other = before.find(({ answers }) => Object.hasOwn(answers, tag));
      const [own, first] = [statusOf(policy, tag), other && statusOf(other, tag)];
      if (other !== undefined && own !== undefined && own !== first)
        problems.push({
          policy,
          message: `grpc.${tag} must be that of the policy ${other.name}, which raises it, too: ${first ?? "none"} (got "${own}")`,
        });
    }
    before.push(policy);
  }
  return problems;
}

function statusOf({ grpc }: AnyPolicy, tag: string): unknown {
  return (grpc as Readonly<Record<string, unknown>> | undefined)?.[tag];
}

/** Policies beside a policy that does not exist, or in contradiction to others. */
export function placeProblems(policies: readonly AnyPolicy[], known: readonly AnyPolicy[]): PolicyProblem[] {
  const problems: PolicyProblem[] = [];
  for (const place of policyPlaces) {
    const stack = policiesAt(place, [...known, ...policies]);
    for (const { policy, field, problem } of placed(stack).misplaced) {
      const value = String(policy[field]);
      const names = stack.filter((each) => each !== policy).map(({ name }) => name);
      const meant = nearest(value, names);
      const message =
        problem === "unknown"
          ? `${field} must be the name of a policy in the place ${place} (got "${value}"); ${meant === undefined ? `those are ${names.join(", ")}` : `did you mean ${meant}?`}`
          : `${field} ${value} contradicts the order in the place ${place}: ${chain(policy, stack)}`;
      if (!problems.some((each) => each.policy === policy)) problems.push({ policy, message });
    }
  }
  return problems;
}

/** The order of the others, from the outside in. */
function chain(policy: AnyPolicy, stack: readonly AnyPolicy[]): string {
  const others = stack.filter(
    (each) => each !== policy && each.before === undefined && each.after === undefined,
  );
  const own = policy.before === undefined ? "" : `; before is ${policy.before}`;
  return `${others.map(({ name }) => name).join(", ")}${own}`;
}
