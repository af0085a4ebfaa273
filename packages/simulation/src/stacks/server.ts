import { aimd, gradient2, vegas } from "@pagoda/concurrency-limit";
import { ServiceBuilder } from "@pagoda/core";
import { between, oneOf, whole } from "../random.ts";
import { RateModel } from "../invariants/rate.ts";
import { shedWatch } from "../invariants/shed.ts";
import { Between, wakeUpWatch } from "../invariants/wake-ups.ts";
import { Origin } from "../origin.ts";
import { probe } from "../probe.ts";
import type { Request } from "../request.ts";
import type { Environment, Simulated } from "../environment.ts";
import { someLatency } from "./endpoints.ts";
import { ObservedLimit } from "./concurrency-limit.ts";

/** A server: rate limit per client, a queue for bursts, and load shedding. */
export function server(environment: Environment): Simulated {
  const { world, parts, chance, aborts, onBody } = environment;
  const { clock } = world;
  const latency = someLatency(chance);
  const workers = whole(chance, 10, 60);
  const perSecond = (workers * 1_000) / latency.meanMs;
  const origin = new Origin(world, { key: "origin", workers, queue: 10, latency: latency.draw, onBody });

  const rates = {
    global: { perSecond: perSecond * between(chance, 0.5, 1.5), burst: whole(chance, 5, 100) },
    keyed: { perSecond: perSecond * between(chance, 0.02, 0.2), burst: whole(chance, 2, 50) },
  };
  const rate = new RateModel(world, rates);
  const max = 3 * workers;
  const initial = 20;
  const limit = oneOf(chance, [
    whole(chance, 4, workers),
    aimd({ initial, min: 4, max, slowAfterMs: 1e9 }),
    gradient2({ initial, min: 4, max, windowMs: 200 }),
    vegas({ initial, max, windowMs: 200 }),
  ]);
  const limited = new ObservedLimit(environment, limit);
  const shed = shedWatch(world);
  const queued = new Between();
  wakeUpWatch(world, { name: "the buffer", size: () => queued.size, isFree: () => limited.slots.admits() });

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
    .layer(probe(shed.inside, queued.outside))
    .layer(
      parts.buffer({
        capacity: whole(chance, 5, 100),
        ...(chance() < 0.5 ? { codel: { targetMs: 10, intervalMs: 200 } } : {}),
        ...(chance() < 0.3 ? { maxWaitMs: 400 } : {}),
        observer: { queued: () => world.count("queued") },
        clock,
      }),
    )
    .layer(probe(queued.inside, limited.slots.outside))
    .layer(limited.concurrencyLimit())
    .layer(probe(...limited.inside))
    .layer(parts.timeout({ ms: latency.meanMs * between(chance, 6, 30), clock }))
    .layer(probe(aborts.origin))
    .service(origin.service);

  return { service, origins: [origin], perSecond, isFree: () => rate.admits() };
}
