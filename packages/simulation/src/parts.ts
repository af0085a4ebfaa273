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

/** Small, so that some bodies exceed it. */
export const recordedBytes = 150;

/**
 * The layers that stacks are made of. Tests replace one of them by a broken one to show that an invariant catches it.
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
