import { aimd, gradient2, type LimitAlgorithm, vegas } from "@pagoda/concurrency-limit";
import { type Random, ServiceBuilder } from "@pagoda/core";
import { between, oneOf } from "../random.ts";
import { probe } from "../probe.ts";
import type { Request } from "../request.ts";
import type { Environment, Simulated } from "../environment.ts";
import { Endpoints } from "./endpoints.ts";
import { ObservedFailfast } from "./failfast.ts";
import { ObservedLimit } from "./concurrency-limit.ts";
import { RetryAndHedge } from "./retry-and-hedge.ts";

/** A client: retries within a budget, an adaptive limit and a balancer. */
export function client(environment: Environment): Simulated {
  const { world, parts, chance } = environment;
  const { clock } = world;
  const endpoints = new Endpoints(environment);
  const repetition = new RetryAndHedge(environment);
  const limited = new ObservedLimit(environment, someAlgorithm(chance));
  const failing = new ObservedFailfast(environment, () => limited.slots.admits() && endpoints.isFree());

  const service = new ServiceBuilder<Request>()
    .layer(parts.timeout({ ms: between(chance, 200, 3_000), clock }))
    .layer(probe(repetition.watch.retry.outside))
    .layer(repetition.retry())
    .layer(probe(repetition.watch.retry.inside, repetition.watch.hedge.outside))
    .layer(repetition.hedge())
    .layer(probe(repetition.watch.hedge.inside))
    .layer(failing.failfast())
    .layer(probe(limited.slots.outside))
    .layer(limited.concurrencyLimit())
    .layer(probe(...limited.inside))
    .service(parts.balance({ discovery: endpoints, connect: endpoints.connect }));

  return {
    service,
    origins: endpoints.origins,
    perSecond: endpoints.perSecond,
    isFree: () => failing.isFailing || (limited.slots.admits() && endpoints.isFree()),
    shuffle: (random) => endpoints.shuffle(random),
    stopChurn: () => endpoints.gather(),
    isBusy: () => failing.isFailing,
  };
}

function someAlgorithm(chance: Random): LimitAlgorithm {
  return oneOf(chance, [
    aimd({ initial: 20, min: 2, max: 100, slowAfterMs: 1e9 }),
    gradient2({ initial: 20, min: 4, max: 100, windowMs: 200 }),
    vegas({ initial: 20, max: 100, windowMs: 200 }),
  ]);
}
