// A server in front of two clusters: routes, a canary, ejection of failing endpoints, and access
// logs, metrics and traces for operators.
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import type { Tracer } from "@opentelemetry/api";
import { type AccessLogger, accessLog } from "@pagoda/access-log";
import { balance, roundRobin } from "@pagoda/balance";
import { type Service, ServiceBuilder, staticEndpoints } from "@pagoda/core";
import { forwarded } from "@pagoda/forwarded";
import { outlierDetection } from "@pagoda/health";
import { metrics } from "@pagoda/metrics";
import { mirror } from "@pagoda/mirror";
import { replay } from "@pagoda/replay";
import { respond } from "@pagoda/respond";
import { retry } from "@pagoda/retry";
import { clusters, type NoRoute, perRoute, type Route, router, routeTable } from "@pagoda/router";
import { timeout } from "@pagoda/timeout";
import { clientSpan, serverSpan, type Traced } from "@pagoda/tracing";
import { transport } from "@pagoda/transport";
import type { Registry } from "prom-client";

/** The policy of a route. */
interface Policy {
  readonly timeoutMs: number;
}

export interface MeshOptions {
  /** Origins, as `http://host:port`. */
  readonly stable: readonly string[];
  readonly canary: readonly string[];
  /** Receives a copy of each order. */
  readonly audit: string;
  readonly canaryShare: number;
  readonly logger: AccessLogger;
  readonly registry: Registry;
  readonly tracer: Tracer;
}

/** A stack for a server, and what to close after it. */
export interface Mesh {
  readonly stack: Service<HttpRequest, HttpResponse>;
  close(): void;
}

export function mesh(options: MeshOptions): Mesh {
  const { stable, canary, audit, canaryShare, logger, registry, tracer } = options;
  const table = routeTable([
    {
      name: "api",
      match: { path: { prefix: "/api" } },
      clusters: [
        { cluster: "stable", weight: 1 - canaryShare },
        { cluster: "canary", weight: canaryShare },
      ],
      rewrite: { prefix: "/" },
      policy: { timeoutMs: 1_000 },
    },
    {
      name: "orders",
      match: { path: { prefix: "/orders" }, methods: ["POST"] },
      cluster: "stable",
      policy: { timeoutMs: 5_000 },
    },
    { name: "old", match: { path: { prefix: "/v1" } }, redirect: { status: 308, prefix: "/api" } },
  ] as const satisfies readonly Route<"stable" | "canary", Policy>[]);

  const upstreams = { stable: cluster(stable, tracer), canary: cluster(canary, tracer) };
  const shadow = transport(audit);

  const stack = new ServiceBuilder<HttpRequest>()
    .layer(forwarded())
    .layer(serverSpan({ tracer }))
    .layer(accessLog({ logger }))
    .layer(metrics({ registry, routes: true }))
    .layer(respond(answers))
    .layer(router(table))
    .layer(perRoute(table, ({ policy }) => timeout({ ms: policy?.timeoutMs ?? 15_000 })))
    .layer(mirror({ to: shadow, select: ({ method }) => method === "POST" }))
    .layer(replay())
    .layer(retry())
    .service(clusters(upstreams));

  return {
    stack,
    close() {
      for (const each of Object.values(upstreams)) each.close();
      void shadow.close();
    },
  };
}

/**
 * Round-robin, so a retry reaches another endpoint. An endpoint that fails five times in a row is
 * ejected for a while.
 */
function cluster(origins: readonly string[], tracer: Tracer) {
  return balance({
    discovery: staticEndpoints(origins.map((key) => ({ key }))),
    strategy: roundRobin(),
    health: [outlierDetection({ maxEjectedRatio: 0.5 })],
    connect({ key }, atEnd) {
      const origin = transport(key);
      atEnd(() => void origin.close());
      // One span per attempt, since it is inside the retry.
      return new ServiceBuilder<HttpRequest & Traced>().layer(clientSpan({ tracer })).service(origin);
    },
  });
}

const busy = { status: 503, message: "no upstream is ready" };
const unreachable = { status: 502, message: "cannot connect to the upstream" };
const late = { status: 504, message: "the upstream did not respond in time" };

const answers = {
  Aborted: { status: 499, message: "the client closed the connection" },
  ConnectFailed: unreachable,
  ConnectionBroken: unreachable,
  HeadersTimedOut: late,
  NoEndpointReady: busy,
  NoRoute: ({ allow }: NoRoute) =>
    allow === undefined
      ? { status: 404, message: "not found" }
      : { status: 405, message: "method not allowed for this path", headers: { allow: allow.join(", ") } },
  PathRefused: { status: 400, message: "the path is malformed" },
  PoolExhausted: busy,
  RequestInvalid: { status: 400, message: "the request cannot be forwarded" },
  UpgradeUnsupported: { status: 501, message: "the upstream does not accept upgrades" },
  TimedOut: late,
} as const;
