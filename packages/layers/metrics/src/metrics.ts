import {
  checkInteger,
  type Clock,
  type Fault,
  faultOf,
  isLeft,
  layer,
  type Layer,
  rangeError,
  systemClock,
} from "@pagoda/core";
import { type HttpHeaders, type HttpRequest, type HttpResponse, isGrpc, upstreamOf } from "@pagoda/http";
import type { Registry } from "prom-client";
import { LocalResponses } from "./local-responses.ts";
import { checkFree } from "./read.ts";
import { names, register } from "./register.ts";
import { checkLabels, type ConstantLabels, defaultBuckets, none, type Series } from "./series.ts";
import { SeriesTable } from "./series-table.ts";

export interface MetricsOptions {
  /** Where the metrics are registered. One layer per registry. */
  readonly registry: Registry;
  /**
   * Upper bounds of the duration buckets, in seconds: finite, over 0, rising. Default: 0.001 to
   * 4.096, doubling.
   */
  readonly buckets?: readonly number[];
  /** Adds route and cluster from the request's notes as labels. Default false. */
  readonly routes?: boolean;
  /**
   * Maximum number of series; upstreams, routes and clusters beyond it count as `other`: at least 1.
   * Default 10,000.
   */
  readonly maxSeries?: number;
  readonly clock?: Clock;
}

/** A call that has ended. */
export interface CallEnd {
  /** As the layer received it. */
  readonly request: HttpRequest;
  readonly signal: AbortSignal | undefined;
  /** Undefined if there was none. */
  readonly response: HttpResponse | undefined;
  /** The error that it ended with, or that the response was made from. */
  readonly fault: Fault | undefined;
  /** Whether the whole response body was passed on; false without a response. */
  readonly isComplete: boolean;
  /** Status code of a gRPC call, -1 if there was none; undefined for other calls. */
  readonly grpcStatus: number | undefined;
  /** Readings of the layer's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
}

type Call = Pick<CallEnd, "request" | "signal" | "startedAt">;

/** Receives events, for logs. Must not throw. */
export interface MetricsObserver {
  /** A call has been counted. For what needs to see all calls and must cost next to nothing. */
  readonly ended?: (end: CallEnd) => void;
}

/** Everything that has been counted so far. */
export interface CountedCalls {
  /** Upper bounds of the duration buckets, in seconds. */
  readonly buckets: readonly number[];
  readonly inFlight: number;
  /** Calls with the same labels. */
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>;
    /** Calls per bucket, not cumulative; the last one is unbounded. */
    readonly counts: readonly number[];
  }[];
  /** Calls that ended with an error inside the stack, by the error's tag: the label `reason`. */
  readonly errors: readonly { readonly labels: Readonly<Record<string, string>>; readonly count: number }[];
}

/** The layer that counts calls. */
export interface MetricsLayer extends CountingLayer {
  /**
   * Returns what has been counted, without the cost of a scrape: nothing is copied, and the numbers
   * change with the next call.
   */
  counted(): CountedCalls;
  /**
   * Declares that an upstream exists. Call the returned function once when it is removed: its
   * series then disappear after one more scrape instead of staying until the process exits. Track
   * all upstreams or none: once one is tracked, untracked ones count as removed.
   */
  track(upstream: string): () => void;
  /**
   * Returns a layer that counts in the same metrics under further labels, such as the name of a
   * listener. Labels are the same for all of its calls; `http_requests_in_flight` has none of them.
   *
   * @throws RangeError if a label's name is invalid or one that the metrics have.
   */
  labelled(labels: Readonly<Record<string, string>>, observer?: MetricsObserver): CountingLayer;
}

/** A layer that counts calls. */
export type CountingLayer = Layer<HttpRequest, unknown, never, never, never, HttpResponse>;

/**
 * Counts and times HTTP calls:
 *
 * - `http_requests_total{method,status,upstream}` and `http_request_duration_seconds` with the same
 *   labels, from the call to the end of the response body, complete or not;
 * - `http_requests_in_flight`, also until the end of the body;
 * - `http_local_responses_total{reason,cause}`: calls that ended with an error inside the stack,
 *   answered or not, by the error's tag. `cause` is the tag of the wrapped error, if any. With
 *   `routes`, also `route` and `cluster`.
 *
 * `status` is `error` if the call ended with an error not turned into a response further in.
 * `upstream` comes from the error or else from the request's notes, and is `none` if no origin was
 * involved. `routes` adds the labels `route` and `cluster`, `none` if none was selected. Methods other than those
 * of RFC 9110 and `PATCH` count as `OTHER`, so that clients cannot create series; `maxSeries`
 * bounds the rest.
 *
 * gRPC calls also have the label `grpc_status`, the number in the headers or trailers of the
 * response, because their HTTP status is 200 even on failure. `none` means that there was none.
 *
 * Use it once per stack, outside `respond`, so that it sees error responses, too.
 *
 * Cost per call: two clock reads and about 100 ns. prom-client runs only on scrapes.
 *
 * Errors: none.
 *
 * @throws RangeError if an option is out of range, or the registry already has metrics of these
 *   names.
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
  const endOf = (
    { request, signal, startedAt }: Call,
    response: HttpResponse | undefined,
    fault: Fault | undefined,
    isComplete: boolean,
    grpcStatus?: number,
  ): CallEnd => ({
    request,
    signal,
    response,
    fault,
    isComplete,
    grpcStatus,
    startedAt,
    endedAt: clock.now(),
  });
  const table = new SeriesTable(buckets, routes, maxSeries);
  const local = new LocalResponses(routes, maxSeries);
  let inFlight = 0;
  register(registry, table, local, () => inFlight);

  const layerOf = (constant: ConstantLabels, observer?: MetricsObserver): CountingLayer => {
    const group = table.group(constant);
    const ended = observer?.ended;

    function seriesOf(
      { method, notes }: HttpRequest,
      fault: Fault | undefined,
      status: number,
      grpc?: number,
    ): Series {
      return table.find(group, notes, upstreamOf(notes, fault) ?? none, method, status, grpc);
    }

    function done(series: Series, end: CallEnd): void {
      inFlight--;
      series.observe((end.endedAt - end.startedAt) / 1_000);
      ended?.(end);
    }

    function withoutResponse(call: Call, fault: Fault | undefined): void {
      done(seriesOf(call.request, fault, 0), endOf(call, undefined, fault, false));
    }

    function answered(call: Call, response: HttpResponse, fault: Fault | undefined): void {
      const { request } = call;
      const { body, headers, status } = response;
      // gRPC requires HTTP/2, and that check alone rules out most requests.
      if (request.version === "2" && isGrpc(request.headers)) {
        body.observe((complete, trailers) => {
          const grpc = grpcStatusOf(headers) ?? (trailers && grpcStatusOf(trailers)) ?? -1;
          const series = seriesOf(request, fault, status, grpc);
          done(series, endOf(call, response, fault, complete, grpc));
        });
        return;
      }
      const series = seriesOf(request, fault, status);
      body.observe((complete) => done(series, endOf(call, response, fault, complete)));
    }

    return layer<HttpRequest, unknown, never, never, never, HttpResponse>("metrics", (inner) => ({
      options: { buckets, routes, maxSeries },
      state: () => ({ inFlight, series: table.all.length }),
      call(request, signal) {
        const call: Call = { request, signal, startedAt: clock.now() };
        inFlight++;
        return inner.call(request, signal).then(
          (result) => {
            const fault = faultOf(result);
            if (fault !== undefined) local.count(fault, request.notes, constant);
            if (isLeft(result)) withoutResponse(call, fault);
            else answered(call, result.right, fault);
            return result;
          },
          (defect: unknown) => {
            withoutResponse(call, undefined);
            throw defect;
          },
        );
      },
    }));
  };
  return Object.assign(layerOf({}), {
    counted: (): CountedCalls => ({ buckets, inFlight, series: table.all, errors: local.all }),
    track: (upstream: string) => table.track(upstream),
    labelled(labels: ConstantLabels, observer?: MetricsObserver) {
      checkLabels("metrics: each of labels", labels, ownLabels);
      return layerOf(labels, observer);
    },
  });
}

const ownLabels = new Set([
  "method",
  "route",
  "cluster",
  "status",
  "grpc_status",
  "upstream",
  "reason",
  "cause",
  "le",
]);

/**
 * Returns `undefined` if there is none. Invalid codes count as UNKNOWN, so that origins cannot
 * create series.
 */
function grpcStatusOf(headers: HttpHeaders): number | undefined {
  const value = headers.get("grpc-status");
  if (value === undefined) return undefined;
  return /^(?:\d|1[0-6])$/.test(value) ? Number(value) : unknown;
}

const unknown = 2;
