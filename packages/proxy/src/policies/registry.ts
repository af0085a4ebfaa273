import { builtIn } from "./built-in.ts";
import { placed } from "./placement.ts";
import type { AnyPolicy, PolicyPlace } from "./policy.ts";
import { sharedTags } from "./shared-tags.ts";

type BuiltIn = (typeof builtIn)[number];
type StandsAt<P extends AnyPolicy, Place extends PolicyPlace> = P extends unknown
  ? Place extends P["at"][number]
    ? P
    : never
  : never;

/** The policies of a place, from the outside in, with the types of the built-in ones. */
export type PoliciesAt<Place extends PolicyPlace> = readonly StandsAt<BuiltIn, Place>[];

/**
 * The policies of a proxy. Its configuration, `check`, `explain`, the reference page, its stacks and
 * metrics, the responses to errors, and the state kept over reloads all derive from this value.
 *
 * The compiler knows the built-in ones. It has checked the others where they are defined.
 */
export interface PolicyRegistry {
  /** Around all routes of a listener. */
  readonly listener: PoliciesAt<"listener">;
  /** Around the clusters of a route. */
  readonly route: PoliciesAt<"route">;
  /** Around the balancer of a cluster. */
  readonly cluster: PoliciesAt<"cluster">;
  /** Around the transport to each endpoint; configured with the cluster. */
  readonly endpoint: PoliciesAt<"endpoint">;
  /** All of them. */
  readonly all: readonly BuiltIn[];
  /** The tags of errors that a policy shares with ones before it. */
  readonly sharedTags: ReadonlyMap<AnyPolicy, ReadonlySet<string>>;
}

/**
 * Orders policies with others.
 *
 * @param base Default: the built-in ones.
 */
export function registryOf(others: readonly AnyPolicy[], base?: PolicyRegistry): PolicyRegistry {
  const all: readonly AnyPolicy[] = [...(base?.all ?? builtIn), ...others];
  const at = (place: PolicyPlace): readonly AnyPolicy[] => placed(policiesAt(place, all)).order;
  return {
    listener: at("listener"),
    route: at("route"),
    cluster: at("cluster"),
    endpoint: at("endpoint"),
    all,
    sharedTags: sharedTags(builtIn, all.slice(builtIn.length)),
  } as unknown as PolicyRegistry;
}

/** The policies that stand in a place, in the order of the list. */
export function policiesAt(place: PolicyPlace, all: readonly AnyPolicy[]): readonly AnyPolicy[] {
  return all.filter(({ at }) => at.includes(place));
}

/** The registry of a proxy without other policies. */
export const builtInPolicies: PolicyRegistry = registryOf([]);

/** The policies of a registry in words, which are equal only if they are the same. */
export function stacksText({ listener, route, cluster, endpoint }: PolicyRegistry): string {
  return Object.entries({ listener, route, cluster, endpoint })
    .map(([place, policies]) => `${place}: ${policies.map(({ name }) => name).join(", ")}`)
    .join("; ");
}
