import { type HttpServer, type ListenFailed, serve } from "@pagoda/core/server";
import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import { admin } from "./admin.ts";
import type { Config } from "./config.ts";
import { demoOrigin } from "./demo.ts";
import { Reachability } from "./reachability.ts";
import { proxyStack } from "./stack.ts";

/** How long requests in flight may take once the proxy is told to stop. */
const drainMs = 30_000;

/** A proxy that runs. */
export interface Proxy {
  readonly url: string;
  readonly adminUrl: string;
  /** The origins, and whether they are the program's own. */
  readonly upstreams: readonly string[];
  readonly demo: boolean;
  /**
   * Not ready from now on; accepts nothing more; lets the requests in flight finish, up to 30 s; closes everything.
   *
   * @returns How many requests were cut off.
   */
  drain(): Promise<number>;
}

/** Starts the proxy and its admin endpoint, and demo origins where no upstream is configured. */
export async function startProxy(config: Config, log: Logger): Promise<Either<ListenFailed, Proxy>> {
  const demos: HttpServer[] = [];
  for (const name of config.upstreams.length === 0 ? ["one", "two"] : []) {
    const origin = await serve(demoOrigin(name));
    if (isLeft(origin)) return origin;
    demos.push(origin.right);
  }
  const demo = demos.length > 0;
  const upstreams = demo ? demos.map(({ url }) => url) : config.upstreams;

  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const stack = proxyStack({
    upstreams,
    requestTimeoutMs: config.requestTimeoutMs,
    registry,
    observer: {
      answered({ cause, ...fault }, { requestId, method, path }, { status }) {
        log.debug({ fault, err: cause, requestId, method, path, status }, "answered by the proxy itself");
      },
    },
  });
  const reachability = new Reachability(upstreams, (upstream, reachable, reason) => {
    if (reachable) log.info({ upstream }, "upstream can be reached");
    else log.warn({ upstream, reason }, "upstream cannot be reached");
  });

  let phase: "starting" | "serving" | "draining" = "starting";
  const adminServer = await serve(
    admin({
      registry,
      stack,
      notReady: () =>
        phase !== "serving" ? phase : reachability.any ? undefined : "no upstream can be reached",
    }),
    { ...config.admin, defect: (err) => log.error({ err }, "defect in the admin endpoint") },
  );
  if (isLeft(adminServer)) return left(adminServer.left);
  const server = await serve(stack, {
    ...config.listen,
    maxConnections: config.maxConnections,
    ...observe(registry, log),
  });
  if (isLeft(server)) {
    await adminServer.right.close();
    return left(server.left);
  }
  await reachability.start();
  phase = "serving";

  return right({
    url: server.right.url,
    adminUrl: adminServer.right.url,
    upstreams,
    demo,
    async drain() {
      phase = "draining";
      const cutOff = await server.right.drain(drainMs);
      reachability.stop();
      await Promise.all([adminServer.right.close(), ...demos.map((origin) => origin.close())]);
      return cutOff;
    },
  });
}

/** Counts and logs what the server answers or refuses before any layer sees it. */
function observe(registry: Registry, log: Logger) {
  const registers = [registry];
  const active = new Gauge({
    name: "connections_active",
    help: "Client connections that are open",
    registers,
  });
  const total = new Counter({
    name: "connections_total",
    help: "Client connections, accepted or rejected for PROXY_MAX_CONNECTIONS",
    labelNames: ["state"],
    registers,
  });
  const refused = new Counter({
    name: "http_requests_refused_total",
    help: "Requests refused before the stack: malformed, too large, too slow",
    labelNames: ["status"],
    registers,
  });
  return {
    connections(open: number, change: "opened" | "closed") {
      active.set(open);
      if (change === "opened") total.inc({ state: "accepted" });
    },
    connectionRefused: () => total.inc({ state: "rejected" }),
    requestRefused(status: number, reason: string) {
      refused.inc({ status });
      log.debug({ status, reason }, "request refused");
    },
    defect(err: unknown, { method, path }: { readonly method: string; readonly path: string }) {
      log.error({ err, method, path }, "defect: answered with 500");
    },
  };
}
