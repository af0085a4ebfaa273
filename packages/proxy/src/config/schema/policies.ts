import type { z } from "zod";
import type { AnyPolicy } from "../../policies/policy.ts";
import type { PolicyRegistry } from "../../policies/registry.ts";
import type { SettingsOf, Shape, Stack } from "../../policies/stack.ts";
import { fields } from "../../schema/fields.ts";
import { vocabulary } from "../../schema/vocabulary.ts";

/** An object with the settings of policies. */
function policyFields<const S extends Stack>(stack: S): z.ZodObject<Shape<S>, z.core.$strict> {
  const shape = stack.map((policy: AnyPolicy) => [policy.name, policy.schema(vocabulary) as z.ZodType]);
  return fields(Object.fromEntries(shape)) as unknown as z.ZodObject<Shape<S>, z.core.$strict>;
}

/** Makes a schema once for each registry. */
export function perRegistry<T>(make: (policies: PolicyRegistry) => T): (policies: PolicyRegistry) => T {
  const made = new WeakMap<PolicyRegistry, T>();
  return (policies) => {
    let one = made.get(policies);
    if (one === undefined) made.set(policies, (one = make(policies)));
    return one as T;
  };
}

/** The schemas of `policies`, by place. */
export const policySchemas = perRegistry(({ listener, route, cluster, endpoint }) => ({
  /** Around all routes of a listener. */
  listener: policyFields(listener),
  /** Of one route. */
  route: policyFields(route),
  /** Around a cluster, and around each of its endpoints. */
  cluster: policyFields([...cluster, ...endpoint]),
}));

export type PolicySchemas = ReturnType<typeof policySchemas>;

export type RoutePolicies = SettingsOf<PolicyRegistry["route"]>;
