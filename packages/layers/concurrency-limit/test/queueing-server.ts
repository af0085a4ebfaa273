import { type Clock, type Either, type Fault, left, right, service, type Service } from "@pagoda/core";
import { seededRandom } from "@pagoda/core/testing";

/** The server's queue is full. */
export interface Busy extends Fault<"Busy"> {}
const busy: Busy = { _tag: "Busy", origin: "upstream", retryable: true };

export interface QueueingServer {
  readonly service: Service<string, number, Busy>;
  /** Service time of a call, from the next one on. */
  serviceMs: number;
  /** Number of calls answered. */
  readonly answered: number;
}

/**
 * A server that processes `capacity` calls concurrently and queues up to `maxQueue` more, in the
 * clock's time.
 */
export function queueingServer(
  clock: Clock,
  capacity: number,
  serviceMs: number,
  maxQueue = Infinity,
): QueueingServer {
  const queue: (() => void)[] = [];
  let working = 0;
  let answered = 0;

  const work = (resolve: (result: Either<Busy, number>) => void): void => {
    working++;
    clock.setTimer(server.serviceMs, () => {
      working--;
      resolve(right(++answered));
      queue.shift()?.();
    });
  };
  const server: QueueingServer & { serviceMs: number } = {
    service: service(
      "server",
      () =>
        new Promise<Either<Busy, number>>((resolve) => {
          if (working < capacity) work(resolve);
          else if (queue.length < maxQueue) queue.push(() => work(resolve));
          else resolve(left(busy));
        }),
    ),
    serviceMs,
    get answered() {
      return answered;
    },
  };
  return server;
}

/** Makes calls at random (open loop), `perSecond` on average, until `until`. */
export function load(clock: Clock, perSecond: number, until: number, call: () => void): void {
  const random = seededRandom(7);
  const next = (): void => {
    if (clock.now() >= until) return;
    call();
    clock.setTimer((-Math.log(1 - random()) * 1_000) / perSecond, next);
  };
  next();
}
