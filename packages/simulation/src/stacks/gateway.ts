import { ServiceBuilder } from "@pagoda/core";
import { between, whole } from "../random.ts";
import { RateModel } from "../invariants/rate.ts";
import { shedWatch } from "../invariants/shed.ts";
import { Between, wakeUpWatch } from "../invariants/wake-ups.ts";
import { probe } from "../probe.ts";
import type { Request } from "../request.ts";
import type { Environment, Simulated } from "../environment.ts";
import { Endpoints } from "./endpoints.ts";
import { ObservedFailfast } from "./failfast.ts";
import { RetryAndHedge } from "./retry-and-hedge.ts";

/** A proxy: all layers, from the limits of clients to the breakers of endpoints. */
export function gateway(environment: Environment): Simulated {
  const { world, parts, chance } = environment;
  const { clock } = world;
  const endpoints = new Endpoints(environment);
  const repetition = new RetryAndHedge(environment);
  const failing = new ObservedFailfast(environment, () => endpoints.isFree());
  const rates = {
    global: { perSecond: endpoints.perSecond * between(chance, 0.6, 1.5), burst: whole(chance, 5, 200) },
    keyed: { perSecond: endpoints.perSecond * between(chance, 0.05, 0.3), burst: whole(chance, 2, 50) },
  };
  const rate = new RateModel(world, rates);
  const shed = shedWatch(world);
  const queued = new Between();
  wakeUpWatch(world, {
    name: "the buffer",
    size: () => queued.size,
    isFree: () => failing.isFailing || endpoints.isFree(),
  });

  const service = new ServiceBuilder<Request>()
    .layer(probe(rate.outside))
    .layer(
      parts.rateLimit({
        global: rates.global,
        keyed: { ...rates.keyed, key: (request) => request.key },
        clock,
      }),
    )
    .layer(probe(rate.inside, shed.outside))
    .layer(parts.loadShed({ observer: { shed: () => world.count("shed") } }))
    .layer(probe(shed.inside))
    .layer(parts.timeout({ ms: between(chance, 500, 4_000), clock }))
    .layer(probe(repetition.watch.retry.outside))
    .layer(repetition.retry())
    .layer(probe(repetition.watch.retry.inside, repetition.watch.hedge.outside))
    .layer(repetition.hedge())
    .layer(probe(repetition.watch.hedge.inside, queued.outside))
    .layer(
      parts.buffer({
        capacity: whole(chance, 10, 100),
        ...(chance() < 0.5 ? { maxWaitMs: between(chance, 50, 500) } : {}),
        observer: { queued: () => world.count("queued") },
        clock,
      }),
    )
    .layer(probe(queued.inside))
    .layer(failing.failfast())
    .service(parts.balance({ discovery: endpoints, connect: endpoints.connect }));

  return {
    service,
    origins: endpoints.origins,
    perSecond: endpoints.perSecond,
    isFree: () => rate.admits(),
    shuffle: (random) => endpoints.shuffle(random),
    stopChurn: () => endpoints.gather(),
    isBusy: () => failing.isFailing,
  };
}
