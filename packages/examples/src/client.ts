// A client without any proxy: undici underneath, and around it the same layers as in `pagoda`.
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

/** The origin gave no answer, or one that makes no sense. */
export interface LookupFailed extends Fault<"LookupFailed"> {
  readonly status?: number;
}

/** A lookup is a GET: it can be made as often as one likes. */
export function lookup(path: string): Lookup {
  return { path, replay: idempotent };
}

/** What undici gives, with errors that say what they are. */
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
 * A client that gives each lookup a second in all, tries it up to three times, asks twice where the answer is late,
 * and leaves an origin alone that is down. The compiler knows what may still go wrong: it stands in the return type.
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
