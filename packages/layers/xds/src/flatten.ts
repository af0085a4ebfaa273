import { type AssignedLocality, type Assignment, textOf } from "./assignment.ts";
import type { XdsEndpoint } from "./endpoint.ts";

/**
 * Returns the endpoints of all localities, sorted by key. If localities are weighted, their
 * endpoints divide the locality's weight among them, and a locality without one gets no calls.
 */
export function endpointsIn(
  { localities }: Assignment,
  { scheme, isLocalityWeighted }: { readonly scheme: "http" | "https"; readonly isLocalityWeighted: boolean },
): readonly XdsEndpoint[] {
  const endpoints = localities.flatMap((locality) => {
    const share = isLocalityWeighted ? shareOf(locality) : 1;
    if (share === 0) return [];
    return locality.endpoints.map(({ address, port, host, weight, unhealthy }): XdsEndpoint => ({
      key: `${scheme}://${textOf({ address, port })}`,
      address,
      port,
      weight: weight * share,
      ...(host !== undefined && { host }),
      ...(locality.locality && { locality: locality.locality }),
      ...(unhealthy !== undefined && { unhealthy }),
    }));
  });
  return endpoints.toSorted(({ key: a }, { key: b }) => (a < b ? -1 : a > b ? 1 : 0));
}

function shareOf({ weight = 0, endpoints }: AssignedLocality): number {
  const sum = endpoints.reduce((all, each) => all + each.weight, 0);
  return sum === 0 ? 0 : weight / sum;
}
