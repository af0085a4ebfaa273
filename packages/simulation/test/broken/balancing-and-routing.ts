import { balance, type BalanceOptions, type Load, peakEwma } from "@pagoda/balance";
import type { Clock, Endpoint, HealthSource, Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { outlierDetection } from "@pagoda/health";
import { type Routed, router, type RouteTable } from "@pagoda/router";
import type { Parts } from "../../src/parts.ts";

type Balance = Parts["balance"];

/** Observes ejections but calls ejected endpoints. */
export const ignoresHealth: Balance = (options) =>
  balance({ ...options, health: (options.health ?? []).map(alwaysHealthy) });

function alwaysHealthy<E extends Endpoint>(source: HealthSource<E>): HealthSource<E> {
  return {
    name: source.name,
    watch(endpoint, changed) {
      const watch = source.watch(endpoint, changed);
      return {
        healthy: true,
        ended: (outcome) => watch.ended?.(outcome),
        state: () => watch.state(),
        close: () => watch.close(),
      };
    },
  };
}

/** Calls endpoints that discovery has removed. */
export const neverForgets: Balance = <E extends Endpoint, Req, Res, Err>(
  options: BalanceOptions<E, Req, Res, Err>,
) => {
  const { discovery } = options;
  const all = new Map<string, E>();
  return balance({
    ...options,
    discovery: {
      get endpoints() {
        for (const endpoint of discovery.endpoints) all.set(endpoint.key, endpoint);
        return [...all.values()];
      },
      subscribe: (changed) => discovery.subscribe(changed),
    },
  });
};

/** Ejects all outliers. */
export const ejectsAll: Parts["outlierDetection"] = (options) =>
  outlierDetection({ ...options, maxEjectedRatio: 1 });

/** Leaks the timer of its interval. */
export const leavesInterval: Parts["outlierDetection"] = (options) => {
  const clock = options?.clock as Clock;
  return outlierDetection({ ...options, clock: { ...bound(clock), clearTimer: () => {} } });
};

function bound(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    setTimer: (ms, run) => clock.setTimer(ms, run),
    clearTimer: (timer) => clock.clearTimer(timer),
  };
}

/** Uses the last latency only, failures included: an endpoint that fails fast looks best. */
export const prefersFailures: Parts["peakEwma"] = (options) => {
  const real = peakEwma(options);
  return {
    ...real,
    load(): Load {
      let lastMs = 30;
      return {
        cost: (pending) => lastMs * (pending + 1),
        started() {},
        ended(_outcome, ms) {
          lastMs = ms;
        },
        state: () => ({ lastMs }),
      };
    },
  };
};

/** Ignores headers: takes the other route with the same path. */
export const ignoresHeaders: Parts["router"] = (routes, options) => {
  const table = routes as unknown as RouteTable<never, never>;
  const [plain] = table.routes
    .filter(({ name }) => name === "api")
    .flatMap((route) => table.selectedOf(route));
  const real = router(table, options);
  return ((inner: Service<HttpRequest & Routed, HttpResponse, unknown>) =>
    real({
      ...inner,
      call: (request: HttpRequest & Routed, signal?: AbortSignal) =>
        inner.call(request.route.name === "beta" ? { ...request, route: plain as never } : request, signal),
    })) as never;
};

/** Always takes the first cluster of a split. */
export const alwaysFirst: Parts["router"] = (routes, options) =>
  router(routes, { ...options, random: () => 0 });
