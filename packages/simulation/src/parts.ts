import { balance, peakEwma } from "@pagoda/balance";
import { buffer } from "@pagoda/buffer";
import { circuitBreaker } from "@pagoda/circuit-breaker";
import { concurrencyLimit } from "@pagoda/concurrency-limit";
import { budget } from "@pagoda/core";
import { type Body, ReplayBody } from "@pagoda/http";
import { failfast } from "@pagoda/failfast";
import { outlierDetection } from "@pagoda/health";
import { hedge } from "@pagoda/hedge";
import { loadShed } from "@pagoda/load-shed";
import { rateLimit } from "@pagoda/rate-limit";
import { retry } from "@pagoda/retry";
import { perRoute, router } from "@pagoda/router";
import { timeout } from "@pagoda/timeout";

/** Few, so that some bodies are longer. */
export const recordedBytes = 150;

/**
 * What stacks are made of: the real ones. A test puts a broken one in the place of one of them, to see that an invariant
 * catches it.
 */
export const parts = {
  balance,
  budget,
  buffer,
  circuitBreaker,
  concurrencyLimit,
  failfast,
  hedge,
  loadShed,
  outlierDetection,
  peakEwma,
  perRoute,
  rateLimit,
  replayBody: (source: Body): ReplayBody => new ReplayBody(source, recordedBytes),
  retry,
  router,
  timeout,
};

export type Parts = typeof parts;
