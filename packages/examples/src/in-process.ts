// No network at all: a function that costs something, rate-limited for each client and shed when it is busy.
import { concurrencyLimit, type ConcurrencyLimited } from "@pagoda/concurrency-limit";
import { type Clock, service, type Service, ServiceBuilder } from "@pagoda/core";
import type { FromClient } from "@pagoda/http";
import { loadShed, type Overloaded } from "@pagoda/load-shed";
import { byClient, rateLimit, type RateLimited } from "@pagoda/rate-limit";
import { right } from "fp-ts/lib/Either.js";

export interface Resize extends FromClient {
  readonly image: string;
  readonly width: number;
}

/**
 * Resizes images, two at a time, and ten for each client at once and one a second from then on. Nobody waits: what
 * cannot be done now is refused with the reason.
 *
 * @param resize What it costs something to do.
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
