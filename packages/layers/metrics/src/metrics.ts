import { type Clock, isFault, layer, type Layer, systemClock } from "@pagoda/core";
import { callNotes, type HttpRequest, type HttpResponse } from "@pagoda/core/http";
import { isLeft } from "fp-ts/lib/Either.js";
import type { Registry } from "prom-client";
import { checkFree } from "./read.ts";
import { names, register } from "./register.ts";
import { defaultBuckets, other, type Series, SeriesTable } from "./series.ts";

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

/**
 * Counts and times HTTP calls:
 *
 * - `http_requests_total{method,status,upstream}` and `http_request_duration_seconds` with the same labels, from the
 *   call to the end of the response's body, whole or not;
 * - `http_requests_in_flight`, likewise until the body has ended;
 * - `http_local_responses_total{reason}`: calls that ended with an error inside the stack, answered or not, by the
 *   error's tag.
 *
 * `status` is `error` where a call ended with an error that nobody further in answered, and `upstream` is `none`
 * where no origin was involved: it is the response's, or the error's, or the one that the request's notes name. With
 * `routes` the label `route` is added, `none` where no route matched. Methods other than those of RFC 9110 and `PATCH`
 * count as `OTHER`, so what clients send does not make series, and `maxSeries` bounds what the rest makes.
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
}: MetricsOptions): Layer<HttpRequest> {
  if (buckets.some((bound, i) => !(bound > (buckets[i - 1] ?? 0) && bound < Infinity))) {
    throw new RangeError(
      `metrics: buckets is [${buckets.join(", ")}]; valid are rising numbers of seconds over 0`,
    );
  }
  if (!(Number.isSafeInteger(maxSeries) && maxSeries >= 1)) {
    throw new RangeError(`metrics: maxSeries is ${maxSeries}; valid is a whole number of at least 1`);
  }
  checkFree("metrics", registry, Object.values(names));
  const table = new SeriesTable(buckets, maxSeries);
  const reasons = new Map<string, number>();
  let inFlight = 0;
  register(registry, table, reasons, () => inFlight);

  function done(series: Series, startedAt: number): void {
    inFlight--;
    series.observe((clock.now() - startedAt) / 1_000);
  }

  /** One more error of that tag. Tags come from the program, but nothing bounds them. */
  function count(tag: string): void {
    const reason = reasons.has(tag) || reasons.size < maxSeries ? tag : other;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }

  function seriesOf({ method, notes }: HttpRequest, named: string | undefined, status: number): Series {
    const upstream = named ?? notes?.upstream ?? "none";
    return table.find(upstream, method, status, routes ? (notes?.route ?? "none") : undefined);
  }

  return layer<HttpRequest>("metrics", (inner) => ({
    options: { buckets, routes, maxSeries },
    state: () => ({ inFlight, series: table.all.length }),
    call(request, signal) {
      const startedAt = clock.now();
      inFlight++;
      // Notes are written by those further in: who wants to read them sees to it that there are some.
      const passedOn = routes && request.notes === undefined ? { ...request, notes: callNotes() } : request;
      return inner.call(passedOn, signal).then(
        (result) => {
          const response = isLeft(result) ? undefined : (result.right as HttpResponse);
          const fault = isLeft(result) ? result.left : response?.fault;
          if (isFault(fault)) count(fault._tag);
          const series = seriesOf(passedOn, response?.upstream ?? upstreamOf(fault), response?.status ?? 0);
          if (response === undefined) done(series, startedAt);
          else response.body.observe(() => done(series, startedAt));
          return result;
        },
        (defect: unknown) => {
          done(seriesOf(passedOn, undefined, 0), startedAt);
          throw defect;
        },
      );
    },
  }));
}

function upstreamOf(fault: unknown): string | undefined {
  const upstream = (fault as { readonly upstream?: unknown } | undefined)?.upstream;
  return typeof upstream === "string" ? upstream : undefined;
}
