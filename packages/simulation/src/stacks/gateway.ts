import { ServiceBuilder } from "@pagoda/core";
import { between, whole } from "../chance.ts";
import { RateModel } from "../invariants/rate.ts";
import { shedWatch } from "../invariants/shed.ts";
import { Between, wakeUpWatch } from "../invariants/wake-ups.ts";
import { probe } from "../probe.ts";
import type { Request } from "../request.ts";
import type { Setting, Simulated } from "../setting.ts";
import { Endpoints } from "./endpoints.ts";
import { Failing } from "./failing.ts";
import { Repeating } from "./repeating.ts";

/** As a proxy composes it: everything at once, from the limits of the clients to the breakers of the endpoints. */
export function gateway(setting: Setting): Simulated {
  const { world, parts, chance } = setting;
  const { clock } = world;
  const endpoints = new Endpoints(setting);
  const repeating = new Repeating(setting);
  const failing = new Failing(setting, () => endpoints.isFree());
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
    .layer(probe(repeating.watch.retry.outside))
    .layer(repeating.retry())
    .layer(probe(repeating.watch.retry.inside, repeating.watch.hedge.outside))
    .layer(repeating.hedge())
    .layer(probe(repeating.watch.hedge.inside, queued.outside))
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
    calm: () => endpoints.gather(),
    isBusy: () => failing.isFailing,
  };
}
