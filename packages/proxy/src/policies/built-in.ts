import { authorizeListener, authorizeRoute } from "./authorize.ts";
import { basicAuth } from "./basic-auth.ts";
import { bodyLimit } from "./body-limit.ts";
import { buffer } from "./buffer.ts";
import { cache } from "./cache.ts";
import { circuitBreaker } from "./circuit-breaker.ts";
import { clientConcurrency } from "./client-concurrency.ts";
import { compression } from "./compression.ts";
import { concurrencyLimit, endpointConcurrencyLimit } from "./concurrency-limit.ts";
import { extAuthz } from "./ext-authz.ts";
import { failfast } from "./failfast.ts";
import { fault } from "./fault.ts";
import { hedge } from "./hedge.ts";
import { jwt } from "./jwt.ts";
import { mirror } from "./mirror.ts";
import { rateLimit } from "./rate-limit.ts";
import { retry } from "./retry.ts";
import { timeout, tryTimeout } from "./timeout.ts";

/**
 * The built-in policies, from the outside in. Each policy's file explains its place. Only the
 * registry knows this list: everything else derives from the registry.
 */
export const builtIn = [
  compression,
  jwt,
  authorizeListener,
  authorizeRoute,
  rateLimit,
  clientConcurrency,
  basicAuth,
  extAuthz,
  bodyLimit,
  timeout,
  cache,
  buffer,
  concurrencyLimit,
  mirror,
  retry,
  hedge,
  fault,
  failfast,
  circuitBreaker,
  endpointConcurrencyLimit,
  tryTimeout,
] as const;
