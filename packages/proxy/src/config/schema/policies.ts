import type { z } from "zod";
import { policies } from "../../policies/index.ts";
import type { AnyPolicy } from "../../policies/policy.ts";
import type { Shape, Stack } from "../../policies/stack.ts";
import { fields } from "../../schema/fields.ts";
import { vocabulary } from "../../schema/vocabulary.ts";

/** An object with the settings of policies. */
function policyFields<const S extends Stack>(stack: S): z.ZodObject<Shape<S>, z.core.$strict> {
  const shape = stack.map((policy: AnyPolicy) => [policy.name, policy.schema(vocabulary) as z.ZodType]);
  return fields(Object.fromEntries(shape)) as unknown as z.ZodObject<Shape<S>, z.core.$strict>;
}

/** Around all routes of a listener. */
export const listenerPolicies = policyFields(policies.listener);

/** Of one route. */
export const routePolicies = policyFields(policies.route);

/** Around a cluster, and around each of its endpoints. */
export const clusterPolicies = policyFields([...policies.cluster, ...policies.endpoint]);

export type ListenerPolicies = z.output<typeof listenerPolicies>;
export type RoutePolicies = z.output<typeof routePolicies>;
export type ClusterPolicies = z.output<typeof clusterPolicies>;
