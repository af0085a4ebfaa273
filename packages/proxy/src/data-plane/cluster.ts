import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import { balance, type BalanceObserver } from "@pagoda/balance";
import { type Classifier, type ErrorOf, optional, type Service, ServiceBuilder } from "@pagoda/core";
import type { Logger } from "pino";
import { grpcClassifier, grpcTrailers } from "@pagoda/grpc";
import { replay } from "@pagoda/replay";
import { transport } from "@pagoda/transport";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { policies } from "../policies/index.ts";
import { policyLayer } from "../policies/stack.ts";
import { type Endpoints, endpointsOf, type Origin } from "./endpoints.ts";
import { healthOf } from "./health.ts";
import { Reachability } from "./reachability.ts";
import { clusterStatus, type EndpointParts } from "./status.ts";
import { strategyOf } from "./strategy.ts";
import type { ClusterStatus } from "./types.ts";
import type { ClusterContext } from "./cluster-context.ts";
import { transportOptions } from "./transport-options.ts";

/** What can go wrong in a cluster. */
export type ClusterErrors = ErrorOf<ReturnType<typeof parts>["service"]>;

/** A cluster as routes use it. */
export type ClusterService = Service<HttpRequest & FromClient, HttpResponse, ClusterErrors>;

/** Endpoints that can do the same, and the policies around all and each of them. */
export interface Cluster {
  readonly service: ClusterService;
  /** Settles when its endpoints are known for the first time. */
  readonly started: Promise<unknown>;
  /** What there is now. */
  readonly endpoints: readonly Origin[];
  /** Whether an endpoint takes connections; `true` where it has none yet that could be asked. */
  readonly reachable: boolean;
  status(): ClusterStatus;
  /** Takes over endpoints that are listed otherwise now. */
  update(config: ClusterConfig): void;
  /** Nothing is sent there any more. */
  close(): void;
}

/**
 * @param initial Endpoints that are known already, from a source of the same kind: see `endpointsOf`.
 * @param found Told of endpoints that have been looked up, each time that there are others.
 */
export function cluster(
  name: string,
  config: ClusterConfig,
  context: ClusterContext,
  initial: readonly Origin[] = [],
  found: (endpoints: readonly Origin[]) => void = () => {},
): Cluster {
  const log = context.log.child({ cluster: name });
  const atEnd: (() => void)[] = [];
  const events = context.events.until((run) => atEnd.push(run));
  const endpoints = endpointsOf(config, log, initial);
  const stacks = new Map<string, EndpointParts>();
  const { balancer, service, health, panic } = parts(name, config, endpoints, {
    ...context,
    log,
    events,
    stacks,
    atEnd: (run) => atEnd.push(run),
  });
  endpoints.subscribe(() => found(endpoints.endpoints));
  const reachability = new Reachability(endpoints, (reachable, reason) => {
    if (reachable) log.info("cluster reachable");
    else log.warn({ reason }, "cluster unreachable");
  });
  return {
    service,
    started: endpoints.started
      .then(() => Promise.all([reachability.started, health.firstChecks(endpoints.endpoints)]))
      .then(() => panic.begin()),
    get endpoints() {
      return endpoints.endpoints;
    },
    get reachable() {
      return reachability.any;
    },
    status: () =>
      clusterStatus(name, {
        balancer: balancer.status(),
        source: { kind: config.file === undefined ? "dns" : "file", lastError: endpoints.lastError },
        outcomes: (endpoint) => health.outcomes.of(endpoint),
        stack: (endpoint) => stacks.get(endpoint),
        discovery: endpoints.state?.() ?? {},
      }),
    update: (next) => endpoints.update(next),
    close() {
      reachability.stop();
      endpoints.close();
      balancer.close();
      for (const run of atEnd) run();
    },
  };
}

interface PartsContext extends ClusterContext {
  /** The stacks of the endpoints, by their origins. */
  readonly stacks: Map<string, EndpointParts>;
  readonly atEnd: (run: () => void) => void;
}

function parts(name: string, config: ClusterConfig, endpoints: Endpoints, context: PartsContext) {
  const { events } = context;
  const labels = { cluster: name };
  const classifier = grpcClassifier();
  const health = healthOf(name, config, context);
  const panic = new Panic(context.log);
  const balancer = balance({
    discovery: endpoints,
    strategy: strategyOf(config.balance),
    health: health.sources,
    panicThreshold: config.panicThreshold,
    ...(config.slowStart !== undefined && { slowStart: { ms: config.slowStart } }),
    classifier,
    observer: events.observer<BalanceObserver>(
      "balance",
      ["came", "gone", "connectFailed", "panicked", "resent", "refused"],
      {
        labels,
        also: {
          connectFailed: (endpoint, err) => context.log.error({ endpoint, err }, "endpoint unusable"),
          panicked: (panicking) => panic.change(panicking),
        },
      },
    ),
    connect: (endpoint, atEnd) => endpointStack(name, endpoint, config, { ...context, classifier, atEnd }),
  });
  const service = new ServiceBuilder<HttpRequest & FromClient>()
    .layer(
      policyLayer(policies.cluster, config.policies, {
        ...context,
        place: `cluster ${name}`,
        labels,
        classifier,
      }),
    )
    // Streams that an origin leaves unprocessed go elsewhere with their bodies, which are under way by then.
    .layer(optional(config.protocol === "http2" ? replay({ methods: [], recordAll: true }) : undefined))
    .service(balancer);
  return { balancer, service, health, panic };
}

/** Says when health is ignored; not of endpoints that have not been looked at yet. */
class Panic {
  readonly #log: Logger;
  #hasBegun = false;
  #panicking = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  begin(): void {
    this.#hasBegun = true;
    if (this.#panicking) this.change(true);
  }

  change(panicking: boolean): void {
    this.#panicking = panicking;
    if (!this.#hasBegun) return;
    if (panicking) this.#log.warn("too few healthy endpoints; ignoring health");
    else this.#log.info("enough healthy endpoints; no longer ignoring health");
  }
}

interface EndpointContext extends PartsContext {
  readonly classifier: Classifier;
}

/** What is done with each call of one endpoint, from the outside in. */
function endpointStack(cluster: string, endpoint: Origin, config: ClusterConfig, context: EndpointContext) {
  const { calls, files, tracing, stacks, atEnd } = context;
  const whys: (() => string | undefined)[] = [];
  const options = transportOptions(config, endpoint, files);
  const origin = transport(endpoint.key, options);
  atEnd(() => void origin.close());
  atEnd(calls.track(endpoint.key));
  const stack = new ServiceBuilder<HttpRequest & FromClient>()
    .layer(
      policyLayer(policies.endpoint, config.policies, {
        ...context,
        place: `cluster ${cluster}, endpoint ${endpoint.key}`,
        labels: { cluster, endpoint: endpoint.key },
        endpoint: endpoint.key,
        connection: [options.protocol, options.tls ?? null],
        whys,
      }),
    )
    .layer(optional(tracing?.clientSpan({ tracer: tracing.tracer })))
    // What a gRPC origin says in trailers alone is known to the breaker and to retries.
    .layer(grpcTrailers())
    .service(origin);
  const parts: EndpointParts = { describe: () => stack.describe(), whys };
  stacks.set(endpoint.key, parts);
  atEnd(() => {
    if (stacks.get(endpoint.key) === parts) stacks.delete(endpoint.key);
  });
  return stack;
}
