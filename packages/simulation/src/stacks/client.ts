import { aimd, gradient2, type LimitAlgorithm, vegas } from "@pagoda/concurrency-limit";
import { type Random, ServiceBuilder } from "@pagoda/core";
import { between, oneOf } from "../chance.ts";
import { probe } from "../probe.ts";
import type { Request } from "../request.ts";
import type { Setting, Simulated } from "../setting.ts";
import { Endpoints } from "./endpoints.ts";
import { Failing } from "./failing.ts";
import { Limited } from "./limited.ts";
import { Repeating } from "./repeating.ts";

/** As a client composes it: tries within a budget, a limit that learns, and endpoints to choose from. */
export function client(setting: Setting): Simulated {
  const { world, parts, chance } = setting;
  const { clock } = world;
  const endpoints = new Endpoints(setting);
  const repeating = new Repeating(setting);
  const limited = new Limited(setting, someAlgorithm(chance));
  const failing = new Failing(setting, () => limited.slots.admits() && endpoints.isFree());

  const service = new ServiceBuilder<Request>()
    .layer(parts.timeout({ ms: between(chance, 200, 3_000), clock }))
    .layer(probe(repeating.watch.retry.outside))
    .layer(repeating.retry())
    .layer(probe(repeating.watch.retry.inside, repeating.watch.hedge.outside))
    .layer(repeating.hedge())
    .layer(probe(repeating.watch.hedge.inside))
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
    calm: () => endpoints.gather(),
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
