import { buffer, type BufferFull, type QueueTimedOut } from "@pagoda/buffer";
import { circuitBreaker, type CircuitOpen } from "@pagoda/circuit-breaker";
import { concurrencyLimit } from "@pagoda/concurrency-limit";
import {
  type Aborted,
  type Clock,
  hasTag,
  isFault,
  optional,
  type Random,
  responseClassifier,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { decompress } from "@pagoda/decompress";
import type { HttpResponse } from "@pagoda/http";
import { hedge, type HedgeOptions } from "@pagoda/hedge";
import { exponential } from "@pagoda/retry";
import { timeout, type TimedOut } from "@pagoda/timeout";
import type { CallRequest } from "./call-request.ts";
import type { ReadFailed } from "./faults.ts";
import type { ClientOptions, ConcurrencyOptions, Connected } from "./options.ts";
import { repeatable, retries } from "./repeat.ts";
import { wholeBody } from "./whole-body.ts";

/** The errors of a host's policies; those of the user's layers and of the connection are unknown here. */
export type PolicyError = Aborted | BufferFull | QueueTimedOut | CircuitOpen | TimedOut | ReadFailed;

/** Makes the stack of a host around the service that calls it. */
export type HostStack = (connected: Connected) => Service<CallRequest, HttpResponse, unknown>;

/**
 * Returns the function that stacks the policies of a host. The layers keep their state for each
 * service that they wrap: a failing host opens no other host's circuit and spends no other host's
 * retries.
 *
 * @throws RangeError if an option is out of range.
 */
export function hostStack(options: ClientOptions, clock: Clock, random: Random): HostStack {
  const { circuitBreaker: breaker = {}, concurrency = {}, tryTimeoutMs = 10_000, perTry } = options;
  const retrying = retryOptions(options, clock, random);
  const hedging = hedgeOptions(options, clock);
  const methods = options.retry === false ? undefined : options.retry?.methods;

  const attempt = new ServiceBuilder<CallRequest>()
    // Outside the breaker, so that a refused attempt is seen, too.
    .layer(optional(perTry))
    // Outside the queue: an open circuit refuses at once, instead of letting calls wait.
    .layer(optional(breaker === false ? undefined : circuitBreaker({ clock, random, ...breaker })))
    .layer(optional(concurrency === false ? undefined : queue(concurrency, clock)))
    .layer(optional(concurrency === false ? undefined : limit(concurrency, clock, random)))
    // Inside the queue: the time of an attempt begins when it is sent.
    .layer(optional(tryTimeoutMs === false ? undefined : timeout({ ms: tryTimeoutMs, clock })))
    .layer(wholeBody())
    .layer(optional(options.decompress === false ? undefined : decompress(options.decompress)));
  if (retrying === undefined && hedging === undefined) return (connected) => attempt.service(connected);

  const attempts = new ServiceBuilder<CallRequest>()
    .layer(repeatable(methods))
    .layer(optional(retrying === undefined ? undefined : retries(retrying)))
    .layer(optional(hedging === undefined ? undefined : hedge(hedging)));
  return (connected) => attempts.service(attempt.service(connected));
}

function queue({ queue: capacity = 1_000, maxWaitMs = 30_000 }: ConcurrencyOptions, clock: Clock) {
  return buffer({ capacity, maxWaitMs, clock });
}

function limit({ limit: most = 100 }: ConcurrencyOptions, clock: Clock, random: Random) {
  return concurrencyLimit({ limit: most, clock, random });
}

function retryOptions({ retry }: ClientOptions, clock: Clock, random: Random) {
  if (retry === false) return undefined;
  return {
    clock,
    random,
    backoff: exponential({ baseMs: 100, maxMs: 2_000 }),
    classifier: responseClassifier({ clock, retryableErrors: isWorthRetrying }),
    ...retry,
  };
}

/** An open circuit says that calls are pointless for a time: the caller should know it now. */
function isWorthRetrying(error: unknown): boolean {
  return isFault(error) && error.retryable && !hasTag("CircuitOpen")(error);
}

function hedgeOptions({ hedge: given = false }: ClientOptions, clock: Clock): HedgeOptions | undefined {
  if (given === false) return undefined;
  return { clock, ...(given === true ? {} : given) };
}
