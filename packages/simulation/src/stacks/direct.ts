import { ServiceBuilder } from "@pagoda/core";
import { between } from "../chance.ts";
import { probe } from "../probe.ts";
import type { Request } from "../request.ts";
import type { Setting, Simulated } from "../setting.ts";
import { Endpoints } from "./endpoints.ts";
import { Repeating } from "./repeating.ts";

/** One upstream and no balancer that passes over it: calls meet an open circuit, and crowd before a half-open one. */
export function direct(setting: Setting): Simulated {
  const { world, parts, chance } = setting;
  const endpoints = new Endpoints(setting, 1);
  const repeating = new Repeating(setting);
  const [endpoint] = endpoints.endpoints;

  const service = new ServiceBuilder<Request>()
    .layer(parts.timeout({ ms: between(chance, 100, 2_000), clock: world.clock }))
    .layer(probe(repeating.watch.retry.outside))
    .layer(repeating.retry())
    .layer(probe(repeating.watch.retry.inside, repeating.watch.hedge.outside))
    .layer(repeating.hedge())
    .layer(probe(repeating.watch.hedge.inside))
    .service(endpoints.connect(endpoint as NonNullable<typeof endpoint>));

  return {
    service,
    origins: endpoints.origins,
    perSecond: endpoints.perSecond,
    isFree: () => endpoints.isFree(),
  };
}
