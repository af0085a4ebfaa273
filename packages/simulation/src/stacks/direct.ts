import { ServiceBuilder } from "@pagoda/core";
import { between } from "../random.ts";
import { probe } from "../probe.ts";
import type { Request } from "../request.ts";
import type { Environment, Simulated } from "../environment.ts";
import { Endpoints } from "./endpoints.ts";
import { RetryAndHedge } from "./retry-and-hedge.ts";

/** One upstream without a balancer: calls meet open circuits and queue before half-open ones. */
export function direct(environment: Environment): Simulated {
  const { world, parts, chance } = environment;
  const endpoints = new Endpoints(environment, 1);
  const repetition = new RetryAndHedge(environment);
  const [endpoint] = endpoints.endpoints;

  const service = new ServiceBuilder<Request>()
    .layer(parts.timeout({ ms: between(chance, 100, 2_000), clock: world.clock }))
    .layer(probe(repetition.watch.retry.outside))
    .layer(repetition.retry())
    .layer(probe(repetition.watch.retry.inside, repetition.watch.hedge.outside))
    .layer(repetition.hedge())
    .layer(probe(repetition.watch.hedge.inside))
    .service(endpoints.connect(endpoint as NonNullable<typeof endpoint>));

  return {
    service,
    origins: endpoints.origins,
    perSecond: endpoints.perSecond,
    isFree: () => endpoints.isFree(),
  };
}
