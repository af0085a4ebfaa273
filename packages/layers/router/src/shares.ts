import { type Random, systemRandom } from "@pagoda/core";
import type { Compiled } from "./candidate.ts";
import type { Route, SelectedRoute } from "./route.ts";

/** Chooses a cluster of a route at random, by weight and independently of earlier choices. */
export function select<C extends string, P>(
  { selected, upTo }: Compiled<C, P>,
  random: Random = systemRandom,
): SelectedRoute<C, P> {
  if (selected.length === 1) return selected[0] as SelectedRoute<C, P>;
  const chance = random();
  let at = 0;
  while (at < selected.length - 1 && chance >= (upTo[at] as number)) at++;
  return selected[at] as SelectedRoute<C, P>;
}

/** Compiles the clusters of a route. */
export function compile<C extends string, P>(route: Route<C, P>): Compiled<C, P> {
  const shares = sharesOf(route);
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  let sum = 0;
  return {
    route,
    selected: shares.map(({ cluster }) => ({ name: route.name, cluster, policy: route.policy })),
    upTo: shares.map(({ weight }) => (sum += weight) / total),
  };
}

function sharesOf<C extends string, P>(
  route: Route<C, P>,
): readonly { readonly cluster: C; readonly weight: number }[] {
  if (route.cluster !== undefined) return [{ cluster: route.cluster, weight: 1 }];
  return route.clusters ?? [];
}
