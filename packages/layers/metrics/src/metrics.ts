import { checkInteger, type Clock, isFault, layer, type Layer, rangeError, systemClock } from "@pagoda/core";
import { callNotes, type HttpHeaders, type HttpRequest, type HttpResponse, isGrpc } from "@pagoda/http";
import { isLeft } from "fp-ts/lib/Either.js";
import type { Registry } from "prom-client";
import { LocalResponses } from "./local-responses.ts";
import { checkFree } from "./read.ts";
import { names, register } from "./register.ts";
import { defaultBuckets, none, type Series, SeriesTable } from "./series.ts";

export interface MetricsOptions {
  /** Where the metrics are registered. One layer for each registry. */
  readonly registry: Registry;
  /** Upper bounds of the duration's buckets, in seconds: finite, over 0, rising. Default: 0.001 to 4.096, doubling. */
  readonly buckets?: readonly number[];
  /** Whether the route is a label, as the request's notes name it. Default: no. */
  readonly routes?: boolean;
  /** With so many series, further upstreams and routes count as `other`: a whole number, at least 1. Default 10,000. */
  readonly maxSeries?: number;
  readonly clock?: Clock;
}

/** The layer that counts calls. */
export interface MetricsLayer extends Layer<HttpRequest, unknown, never, never, never, HttpResponse> {
  /**
   * Tells that an upstream exists; call the returned function, once, when it is gone. Its series are removed after
   * one more reading, where they would otherwise stay for as long as the process lives. Track all upstreams or none:
   * with one tracked, those that are not count as gone.
   */
  track(upstream: string): () => void;
}

/**
 * Counts and times HTTP calls:
 *
 * - `http_requests_total{method,status,upstream}` and `http_request_duration_seconds` with the same labels, from the
 *   call to the end of the response's body, whole or not;
 * - `http_requests_in_flight`, likewise until the body has ended;
 * - `http_local_responses_total{reason,cause}`: calls that ended with an error inside the stack, answered or not, by the
 *   error's tag; `cause` is the tag of the error behind it, where there is one. With `routes`, also `route` and `cluster`.
 *
 * `status` is `error` where a call ended with an error that nobody further in answered, and `upstream` is `none`
 * where no origin was involved: it is the response's, or the error's, or the one that the request's notes name. With
 * `routes` the label `route` is added, `none` where no route matched. Methods other than those of RFC 9110 and `PATCH`
 * count as `OTHER`, so what clients send does not make series, and `maxSeries` bounds what the rest makes.
 *
 * A gRPC call has the label `grpc_status` as well, the number that its head or its trailers end it with: its HTTP status is
 * 200 even when it has failed. `none`: it ended without one.
 *
 * Use it once in a stack, outside `respond`, so that it sees the responses made of errors, too.
 *
 * Cost per call: two readings of the clock and about 100 ns; with `routes`, for a request that has no notes, the copy
 * with which it gets them. prom-client is asked only when the metrics are read.
 *
 * Errors: none.
 *
 * @throws RangeError when an option is out of range, or the registry has metrics of these names already.
 */
export function metrics({
  registry,
  buckets = defaultBuckets,
  routes = false,
  maxSeries = 10_000,
  clock = systemClock,
}: MetricsOptions): MetricsLayer {
  if (buckets.some((bound, i) => !(bound > (buckets[i - 1] ?? 0) && bound < Infinity))) {
    throw rangeError("metrics: buckets", "rising numbers of seconds above 0", buckets);
  }
  checkInteger("metrics: maxSeries", maxSeries, { min: 1 });
  checkFree("metrics", registry, Object.values(names));
  const table = new SeriesTable(buckets, maxSeries);
  const local = new LocalResponses(routes, maxSeries);
  let inFlight = 0;
  register(registry, table, local, () => inFlight);

  function done(series: Series, startedAt: number): void {
    inFlight--;
    series.observe((clock.now() - startedAt) / 1_000);
  }

  function seriesOf(
    { method, notes }: HttpRequest,
    named: string | undefined,
    status: number,
    grpc?: number,
  ): Series {
    const upstream = named ?? notes?.upstream ?? none;
    return table.find(upstream, method, status, routes ? (notes?.route ?? none) : undefined, grpc);
  }

  function answered(request: HttpRequest, response: HttpResponse, fault: unknown, startedAt: number): void {
    const { body, headers, status } = response;
    const upstream = response.upstream ?? upstreamOf(fault);
    // gRPC needs HTTP/2, and most requests are told by that alone.
    if (request.version === "2" && isGrpc(request.headers)) {
      body.observe((_complete, trailers) => {
        const grpc = grpcStatusOf(headers) ?? (trailers && grpcStatusOf(trailers)) ?? -1;
        done(seriesOf(request, upstream, status, grpc), startedAt);
      });
      return;
    }
    const series = seriesOf(request, upstream, status);
    body.observe(() => done(series, startedAt));
  }

  const counting = layer<HttpRequest, unknown, never, never, never, HttpResponse>("metrics", (inner) => ({
    options: { buckets, routes, maxSeries },
    state: () => ({ inFlight, series: table.all.length }),
    call(request, signal) {
      const startedAt = clock.now();
      inFlight++;
      // Notes are written by those further in: who wants to read them sees to it that there are some.
      const passedOn = routes && request.notes === undefined ? { ...request, notes: callNotes() } : request;
      return inner.call(passedOn, signal).then(
        (result) => {
          const response = isLeft(result) ? undefined : result.right;
          const fault = isLeft(result) ? result.left : response?.fault;
          if (isFault(fault)) local.count(fault, passedOn.notes);
          if (response === undefined) done(seriesOf(passedOn, upstreamOf(fault), 0), startedAt);
          else answered(passedOn, response, fault, startedAt);
          return result;
        },
        (defect: unknown) => {
          done(seriesOf(passedOn, undefined, 0), startedAt);
          throw defect;
        },
      );
    },
  }));
  return Object.assign(counting, { track: (upstream: string) => table.track(upstream) });
}

function upstreamOf(fault: unknown): string | undefined {
  const upstream = (fault as { readonly upstream?: unknown } | undefined)?.upstream;
  return typeof upstream === "string" ? upstream : undefined;
}

/** `undefined`: none is given. A number that gRPC does not know counts as UNKNOWN, so that origins cannot make series. */
function grpcStatusOf(headers: HttpHeaders): number | undefined {
  const value = headers.get("grpc-status");
  if (value === undefined) return undefined;
  return /^(?:\d|1[0-6])$/.test(value) ? Number(value) : unknown;
}

const unknown = 2;
