// A server with two clusters behind it: routes, a canary, endpoints that are passed over when they fail, and everything
// that an operator asks for afterwards.
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

/** What stands in the policy of a route. */
interface Policy {
  readonly timeoutMs: number;
}

export interface MeshOptions {
  /** Origins, as `http://host:port`. */
  readonly stable: readonly string[];
  readonly canary: readonly string[];
  /** Gets a copy of each order. */
  readonly audit: string;
  readonly canaryShare: number;
  readonly logger: AccessLogger;
  readonly registry: Registry;
  readonly tracer: Tracer;
}

/** A stack that a server takes, and what is to be closed after it. */
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

/** The endpoints take turns, so a second try meets another one; who fails five times in a row is left alone for a while. */
function cluster(origins: readonly string[], tracer: Tracer) {
  return balance({
    discovery: staticEndpoints(origins.map((key) => ({ key }))),
    strategy: roundRobin(),
    health: [outlierDetection({ maxEjectedRatio: 0.5 })],
    connect({ key }, atEnd) {
      const origin = transport(key);
      atEnd(() => void origin.close());
      // One for each try, since it stands inside of the retry.
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
      ? { status: 404, message: "there is nothing here" }
      : { status: 405, message: "not with this method", headers: { allow: allow.join(", ") } },
  PathRefused: { status: 400, message: "the path is malformed" },
  PoolExhausted: busy,
  RequestInvalid: { status: 400, message: "the request cannot be forwarded" },
  UpgradeUnsupported: { status: 501, message: "the upstream does not accept upgrades" },
  TimedOut: late,
} as const;
