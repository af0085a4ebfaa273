import type { z } from "zod";
import { policies } from "../../policies/index.ts";
import { policyFields } from "../../policies/stack.ts";

/** Around all routes of a listener. */
export const listenerPolicies = policyFields(policies.listener);

/** Of one route. */
export const routePolicies = policyFields(policies.route);

/** Around a cluster, and around each of its endpoints. */
export const clusterPolicies = policyFields([...policies.cluster, ...policies.endpoint]);

export type ListenerPolicies = z.output<typeof listenerPolicies>;
export type RoutePolicies = z.output<typeof routePolicies>;
export type ClusterPolicies = z.output<typeof clusterPolicies>;
