// A client without a proxy: undici with the same layers around it as in `pagoda`.
import { circuitBreaker, type CircuitOpen } from "@pagoda/circuit-breaker";
import {
  type Aborted,
  type Fault,
  fromAsync,
  idempotent,
  type Replayable,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { hedge } from "@pagoda/hedge";
import { retry } from "@pagoda/retry";
import { timeout, type TimedOut } from "@pagoda/timeout";
import { request } from "undici";

export interface Lookup extends Replayable {
  readonly path: string;
}

/** The origin did not answer, or answered with an error. */
export interface LookupFailed extends Fault<"LookupFailed"> {
  readonly status?: number;
}

/** A lookup is a GET, which can be made any number of times. */
export function lookup(path: string): Lookup {
  return { path, replay: idempotent };
}

/** undici as a service with typed errors. */
function undiciClient(origin: string): Service<Lookup, string, LookupFailed> {
  return fromAsync(
    "undici",
    async ({ path }: Lookup, signal) => {
      const { statusCode, body } = await request(origin + path, signal && { signal });
      const text = await body.text();
      if (statusCode === 200) return text;
      throw failed(statusCode);
    },
    (thrown) => (isFailed(thrown) ? thrown : { ...failed(), cause: thrown }),
  );
}

/**
 * Makes a client that limits each lookup to one second in total, retries it up to three times,
 * hedges slow answers, and stops calling an origin that is down. The remaining errors are in the
 * return type.
 */
export function client(
  origin: string,
): Service<Lookup, string, LookupFailed | CircuitOpen | TimedOut | Aborted> {
  return new ServiceBuilder<Lookup>()
    .layer(timeout({ ms: 1_000 }))
    .layer(retry({ attempts: 3 }))
    .layer(hedge({ maxExtraLoad: 0.05 }))
    .layer(circuitBreaker())
    .service(undiciClient(origin));
}

function failed(status?: number): LookupFailed {
  const retryable = status === undefined || status >= 500;
  const origin = retryable ? "upstream" : "local";
  return { _tag: "LookupFailed", origin, retryable, ...(status !== undefined && { status }) };
}

function isFailed(thrown: unknown): thrown is LookupFailed {
  return (thrown as { readonly _tag?: unknown })._tag === "LookupFailed";
}
