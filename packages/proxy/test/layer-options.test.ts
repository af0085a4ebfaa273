import { accessLog } from "@pagoda/access-log";
import { authorize } from "@pagoda/authorize";
import { balance, maglev, peakEwma, ringHash } from "@pagoda/balance";
import { buffer } from "@pagoda/buffer";
import { anyOf, circuitBreaker, consecutiveFailures, successRate } from "@pagoda/circuit-breaker";
import { compress } from "@pagoda/compress";
import { aimd, concurrencyLimit, gradient2, keyedConcurrencyLimit, vegas } from "@pagoda/concurrency-limit";
import { formatValue } from "@pagoda/core";
import { dnsEndpoints, fileEndpoints, srvEndpoints } from "@pagoda/discovery";
import { failfast } from "@pagoda/failfast";
import { fault } from "@pagoda/fault";
import { forwarded } from "@pagoda/forwarded";
import { grpcAnswers, grpcClassifier, grpcDeadline, grpcTrailers } from "@pagoda/grpc";
import { healthCheck, httpProbe, outlierDetection } from "@pagoda/health";
import { hedge } from "@pagoda/hedge";
import { eventMetrics, metrics, stackMetrics } from "@pagoda/metrics";
import { mirror } from "@pagoda/mirror";
import { byClientNetwork, leased, memoryStore, rateLimit, sharedMemory } from "@pagoda/rate-limit";
import { replay } from "@pagoda/replay";
import { respond } from "@pagoda/respond";
import { constant, decorrelated, exponential, retry } from "@pagoda/retry";
import { routeTable } from "@pagoda/router";
import { timeout } from "@pagoda/timeout";
import { transport } from "@pagoda/transport";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";

// Called with values that no type of options allows.
// oxlint-disable-next-line no-explicit-any
type Factory = (options: any) => unknown;

/** Numeric options by factory, some of them inside another option. */
const numeric: readonly (readonly [factory: string, options: readonly string[], make: Factory])[] = [
  ["access-log", ["ratio"], accessLog],
  ["balance", ["maxResends", "panicThreshold", "slowStart.ms", "slowStart.least"], balanced],
  ["balance", ["tableSize", "seed", "maxLoadRatio"], maglev],
  ["balance", ["points", "seed", "maxLoadRatio"], ringHash],
  ["balance", ["decayMs", "initialMs"], peakEwma],
  ["buffer", ["capacity", "maxWaitMs", "codel.intervalMs", "codel.targetMs"], buffered],
  ["circuit-breaker", ["openMs", "maxOpenMs", "probes", "probeMs"], circuitBreaker],
  ["circuit-breaker", ["consecutiveFailures"], (o) => consecutiveFailures(o.consecutiveFailures)],
  ["circuit-breaker", ["least", "windowMs", "minCalls"], successRate],
  ["concurrency-limit", ["limit"], concurrencyLimit],
  ["concurrency-limit", ["limit"], keyedConcurrencyLimit],
  ["concurrency-limit", ["initial", "min", "max", "backoff", "slowAfterMs", "windowMs"], aimd],
  ["concurrency-limit", ["initial", "min", "max", "smoothing", "queue", "longWindow", "windowMs"], gradient2],
  ["concurrency-limit", ["initial", "min", "max", "probeMultiplier", "windowMs"], vegas],
  ["compress", ["minBytes", "levels.gzip", "levels.br", "levels.zstd"], compress],
  ["dnsEndpoints", ["port", ...dnsOptions()], (o) => dnsEndpoints({ host: "a", port: 80, ...o })],
  ["srvEndpoints", dnsOptions(), (o) => srvEndpoints({ name: "a", ...o })],
  ["fileEndpoints", ["settleMs", "pollMs"], (o) => fileEndpoints({ path: "a", ...o })],
  ["failfast", ["ms"], failfast],
  ["fault", ["delay.ratio", "delay.ms", "failure.ratio"], faulty],
  ["grpcDeadline", ["maxMs"], grpcDeadline],
  ["grpcTrailers", ["waitMs"], grpcTrailers],
  ["healthCheck", ["intervalMs", "unhealthyIntervalMs", "timeoutMs", "jitterRatio"], healthCheck],
  ["healthCheck", ["healthyThreshold", "unhealthyThreshold"], healthCheck],
  ["httpProbe", ["maxBodyBytes"], httpProbe],
  ["outlierDetection", ["consecutiveFailures", "consecutiveGatewayFailures"], outlierDetection],
  ["outlierDetection", ["intervalMs", "minCalls", "minEndpoints", "deviations"], outlierDetection],
  ["outlierDetection", ["ejectionMs", "maxEjectionMs", "maxEjectedRatio"], outlierDetection],
  ["hedge", ["maxExtraLoad", "windowMs", "minSamples"], hedge],
  ["metrics", ["maxSeries"], (o) => metrics({ registry: new Registry(), ...o })],
  ["eventMetrics", ["maxSeries"], (o) => eventMetrics({ registry: new Registry(), ...o })],
  ["stackMetrics", ["maxSeries"], (o) => stackMetrics({ registry: new Registry(), ...o })],
  ["mirror", ["ratio", "maxInFlight", "maxBytes", "maxTotalBytes", "maxResponseBytes", "timeoutMs"], mirror],
  ["rate-limit", ["maxKeys", "maxIdleMs"], memoryStore],
  ["rate-limit", ["maxKeys"], sharedMemory],
  ["rate-limit", ["ipv6Bits"], (o) => byClientNetwork(o.ipv6Bits)],
  ["rate-limit", ["leaseMs", "timeoutMs", "unreachable.share"], (o) => leased(undefined as never, o)],
  ["rate-limit", ["global.perSecond", "global.burst"], limited],
  ["replay", ["maxBytes"], replay],
  ["retry", ["attempts", "maxRetryAfterMs"], retry],
  ["retry", ["ms"], (o) => constant(o.ms)],
  ["retry", ["baseMs", "maxMs"], exponential],
  ["retry", ["baseMs", "maxMs"], decorrelated],
  ["timeout", ["ms"], timeout],
  ["transport", ["maxConnections", "connectTimeoutMs", "headersTimeoutMs"], transported],
  ["transport", ["idleTimeoutMs", "keepAliveMs", "pingMs"], transported],
];

/** Other options, each with an invalid value. */
const others: readonly (readonly [option: string, value: unknown, make: (value: never) => unknown])[] = [
  ["authorize: otherwise", "Allow", (otherwise) => authorize({ rules: [], otherwise })],
  ["circuit-breaker: trips of anyOf", [], () => anyOf()],
  ["compress: codings", [], (codings) => compress({ codings })],
  ["compress: codings[0]", "deflate", (coding) => compress({ codings: [coding] })],
  ["compress: types[0]", "json", (type) => compress({ types: [type] })],
  ["dnsEndpoints: host", "", (host) => dnsEndpoints({ host, port: 80 })],
  ["dnsEndpoints: family", 5, (family) => dnsEndpoints({ host: "a", port: 80, family })],
  ["srvEndpoints: name", "", (name) => srvEndpoints({ name })],
  ["fileEndpoints: path", "", (path) => fileEndpoints({ path })],
  ["forwarded: via", "a b", (via) => forwarded({ via })],
  ["grpcAnswers: status for Down", "DOWN", (status) => grpcAnswers({ Down: status })],
  ["grpcClassifier: failures", "down", (status) => grpcClassifier({ failures: [status] })],
  ["httpProbe: path", "a b", (path) => httpProbe({ call: undefined as never, path })],
  ["metrics: buckets", [2, 1], (buckets) => metrics({ registry: new Registry(), buckets })],
  ["stackMetrics: prefix", "a-b", (prefix) => stackMetrics({ registry: new Registry(), prefix } as never)],
  ["mirror: marker", "a b", (marker) => mirror({ to: undefined as never, marker })],
  ["respond: status for Down", 99, (status) => respond({ Down: { status, message: "" } })],
  ["retry: jitter", "half", (jitter) => exponential({ jitter })],
  ["router: normalize", "full", (normalize) => routeTable([], { normalize })],
  ["transport: url", "ftp://a", (url) => transport(url)],
  ["transport: protocol", "http3", (protocol) => transport("http://a", { protocol })],
  ["transport: tls.minVersion", "TLSv1", (minVersion) => transport("http://a", { tls: { minVersion } })],
];

/** Cut in a message. */
const long = "x".repeat(1_000);

describe("an invalid option is refused as `<name> must be <what> (got <value>)`", () => {
  test.each(
    numeric.flatMap(([factory, options, make]) => options.map((option) => [factory, option, make] as const)),
  )("%s: %s", (factory, option, make) => {
    for (const value of [Number.NaN, -1, "7", long, null]) {
      const given = option.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
      expect(refusal(() => make(given))).toBe(
        `RangeError: ${factory}: ${option} must be … (got ${formatValue(value)})`,
      );
    }
  });

  test.each(others)("%s", (option, value, make) => {
    expect(refusal(() => make(value as never))).toBe(
      `RangeError: ${option} must be … (got ${formatValue(value)})`,
    );
  });
});

/** The error's message without the expectation, which each layer tests itself. */
function refusal(make: () => unknown): string {
  try {
    make();
    return "accepted";
  } catch (error) {
    return String(error).replace(/ must be .+ \(got /s, " must be … (got ");
  }
}

function dnsOptions(): readonly string[] {
  return ["minTtlMs", "maxTtlMs", "failureMs", "maxFailureMs", "timeoutMs", "emptyAfterMs"];
}

function balanced({ slowStart, ...rest }: { readonly slowStart?: object }): unknown {
  const options = { ...rest, ...(slowStart && { slowStart: { ms: 1, ...slowStart } }) };
  return balance({ connect: undefined, discovery: undefined, ...options } as never);
}

function buffered({ codel, ...rest }: { readonly codel?: object }): unknown {
  const options = { ...rest, ...(codel && { codel: { targetMs: 5, intervalMs: 100, ...codel } }) };
  return buffer({ capacity: 1, ...options });
}

function faulty({ delay, failure }: { readonly delay?: object; readonly failure?: object }): unknown {
  const options = { ...(delay && { delay: { ratio: 1, ms: 1, ...delay } }), ...(failure && { failure }) };
  return fault(options as never);
}

function limited({ global }: { readonly global: object }): unknown {
  return rateLimit({ global: { perSecond: 1, ...global } });
}

function transported(options: object): unknown {
  return transport("http://a", options);
}
