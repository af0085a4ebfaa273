// No network: an expensive function with a rate limit per client and load shedding.
import { concurrencyLimit, type ConcurrencyLimited } from "@pagoda/concurrency-limit";
import { type Clock, right, service, type Service, ServiceBuilder } from "@pagoda/core";
import type { FromClient } from "@pagoda/http";
import { loadShed, type Overloaded } from "@pagoda/load-shed";
import { byClient, rateLimit, type RateLimited } from "@pagoda/rate-limit";

export interface Resize extends FromClient {
  readonly image: string;
  readonly width: number;
}

/**
 * Resizes two images at a time, with a burst of ten per client and then one per second. Nothing is
 * queued: calls that cannot be served now are refused with the reason.
 *
 * @param resize The expensive function.
 */
export function resizer(
  resize: (image: string, width: number) => Promise<string>,
  clock?: Clock,
): Service<Resize, string, RateLimited | Overloaded | ConcurrencyLimited> {
  return new ServiceBuilder<Resize>()
    .layer(rateLimit({ keyed: { perSecond: 1, burst: 10, key: byClient }, ...(clock && { clock }) }))
    .layer(loadShed())
    .layer(concurrencyLimit({ limit: 2 }))
    .service(service("resize", async ({ image, width }: Resize) => right(await resize(image, width))));
}
