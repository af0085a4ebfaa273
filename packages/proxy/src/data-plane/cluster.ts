import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import { balance, type BalanceObserver, endpointHistory } from "@pagoda/balance";
import {
  type Classifier,
  type Discovery,
  type ErrorOf,
  optional,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import type { Logger } from "pino";
import { grpcClassifier, grpcTrailers } from "@pagoda/grpc";
import { replay } from "@pagoda/replay";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { observed } from "../policies/observed.ts";
import { type BlockedReason, eventsOf } from "../policies/policy.ts";
import { policyLayer, type PolicyReset } from "../policies/stack.ts";
import type { SampledCluster } from "../live/sample.ts";
import { clusterSample } from "./cluster-sample.ts";
import { endpointsOf } from "./endpoints.ts";
import { GradualEndpoints } from "./gradual-endpoints.ts";
import type { Origin } from "./origin.ts";
import { described } from "./described.ts";
import { healthOf } from "./health.ts";
import { Reachability, throughProxy } from "./reachability.ts";
import type { RecordedEndpoints } from "../recorder/call-record.ts";
import { blockedBy, clusterStatus, type EndpointParts } from "./status.ts";
import { strategyOf } from "./strategy.ts";
import { endpointTroubles } from "./troubles.ts";
import { Turns } from "./turns.ts";
import type { ClusterStatus, WasReset } from "./types.ts";
import type { ClusterContext } from "./cluster-context.ts";
import { connectionOf, transportOptions } from "./transport-options.ts";

/** The errors of a cluster. */
export type ClusterErrors = ErrorOf<ReturnType<typeof parts>["service"]>;

/** A cluster as routes use it. */
export type ClusterService = Service<HttpRequest & FromClient, HttpResponse, ClusterErrors>;

/** Interchangeable endpoints, with the policies around all and each of them. */
export interface Cluster {
  readonly service: ClusterService;
  /** Settles when its endpoints are first known. */
  readonly started: Promise<unknown>;
  readonly endpoints: readonly Origin[];
  /** Whether any endpoint accepts connections; true while no endpoint is known. */
  readonly reachable: boolean;
  /** @param turns Shared with the status of other clusters. */
  status(turns?: Turns): Promise<ClusterStatus>;
  /** Its endpoints, those in trouble first. */
  troubles(): RecordedEndpoints;
  /** Closes open circuits and ends ejections of outlier detection, of one endpoint or of all. */
  reset(endpoint?: string): readonly Omit<WasReset, "cluster">[];
  /** The same for the live page, with at most `most` of them. */
  sample(most: number): SampledCluster;
  /** Applies a changed list of endpoints. Settles when all of them get calls. */
  update(config: ClusterConfig): Promise<void>;
  /** Closes the cluster, which sends no further calls. */
  close(): void;
}

/**
 * @param initial Last known endpoints of a source of the same kind: see `endpointsOf`.
 * @param found Called with discovered endpoints whenever they change.
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
  const source = endpointsOf(config, { ...context, log }, initial);
  // With slow start, those that come together have their full share; later ones start slowly.
  const endpoints = new GradualEndpoints(source, config.slowStart !== undefined, context.clock);
  const stacks = new Map<string, EndpointParts>();
  const { balancer, service, health, panic } = parts(name, config, endpoints, {
    ...context,
    log,
    events,
    stacks,
    atEnd: (run) => atEnd.push(run),
  });
  source.subscribe(() => found(source.endpoints));
  const watched = config.proxy === undefined ? endpoints : throughProxy(endpoints, config.proxy);
  const reachability = new Reachability(watched, context, (reachable, reason) => {
    if (reachable) log.info("cluster reachable");
    else log.warn({ reason }, "cluster unreachable");
  });
  return {
    service,
    started: endpoints.started
      .then(() => Promise.all([reachability.started, health.firstChecks(endpoints.endpoints)]))
      .then(() => panic.begin()),
    get endpoints() {
      return source.endpoints;
    },
    get reachable() {
      return reachability.any;
    },
    status: (turns = new Turns(context.clock)) =>
      clusterStatus(
        name,
        {
          balancer: balancer.status(),
          source: { kind: kindOf(config), lastError: source.lastError },
          outcomes: (endpoint) => health.outcomes.of(endpoint),
          stack: (endpoint) => stacks.get(endpoint),
          discovery: endpoints.state(),
        },
        turns,
      ),
    reset: (wanted) =>
      Array.from(stacks)
        .filter(([endpoint]) => wanted === undefined || endpoint === wanted)
        .flatMap(([endpoint, { resets }]) =>
          [...resets, { policy: "outliers", run: () => health.endEjection(endpoint) }]
            .filter(({ run }) => run())
            .map(({ policy }) => ({ endpoint, policy })),
        ),
    troubles: () =>
      endpointTroubles(endpoints.endpoints.length, () => ({
        balancer: balancer.status(),
        calls: (endpoint) => ({
          ...health.outcomes.of(endpoint),
          recent: health.outcomes.recentOf(endpoint),
          blocked: blockedBy(stacks.get(endpoint)?.blockedReasons ?? []),
        }),
      })),
    sample: (most) =>
      clusterSample(name, most, {
        balancer: balancer.status(),
        reason: source.lastError && `${kindOf(config)}: ${source.lastError}`,
        watched: (endpoint) => ({
          consecutiveFailures: health.outcomes.of(endpoint).consecutiveFailures,
          blocked: blockedBy(stacks.get(endpoint)?.blockedReasons ?? []),
        }),
        recent: (endpoint) => health.outcomes.recentOf(endpoint),
        lastFailure: (endpoint) => health.outcomes.lastFailureOf(endpoint),
      }),
    async update(next) {
      source.update(next);
      await endpoints.whole;
    },
    close() {
      reachability.stop();
      endpoints.close();
      source.close();
      balancer.close();
      for (const run of atEnd) run();
    },
  };
}

/** What discovers its endpoints, for operators. */
function kindOf({ kubernetes, xds, file }: ClusterConfig): string {
  if (xds !== undefined) return "xds";
  if (kubernetes !== undefined) return "kubernetes";
  return file === undefined ? "dns" : "file";
}

interface PartsContext extends ClusterContext {
  /** The stacks of the endpoints, by origin. */
  readonly stacks: Map<string, EndpointParts>;
  readonly atEnd: (run: () => void) => void;
}

const balanceEvents = eventsOf<BalanceObserver<HttpRequest & FromClient>>(
  "balance",
  ["added", "removed", "connectFailed", "panicked", "resent", "refused"],
  {
    resent: ({ from, to }) => `${from} had not processed the request, so it was sent to ${to}`,
    refused: ({ endpoints, usable, endpoint, reason }) =>
      `none of ${usable} usable endpoints was ready (of ${endpoints})${reason === undefined ? "" : `; ${endpoint}: ${reason}`}`,
  },
);

function parts(name: string, config: ClusterConfig, endpoints: Discovery<Origin>, context: PartsContext) {
  const { events, policies, states, atEnd, clock, random } = context;
  const labels = { cluster: name };
  const classifier = grpcClassifier({ clock });
  const health = healthOf(name, config, { ...context, endpoints });
  const panic = new Panic(context.log);
  const balancer = balance({
    discovery: endpoints,
    strategy: strategyOf(config.balance, random),
    health: health.sources,
    panicThreshold: config.panicThreshold,
    ...(config.slowStart !== undefined && { slowStart: { ms: config.slowStart } }),
    history: states.hold(`balance, cluster ${name}`, connectionOf(config), endpointHistory, atEnd),
    classifier,
    clock,
    observer: observed({ metrics: events, labels, clock }, balanceEvents, {
      connectFailed: (endpoint, err) => context.log.error({ endpoint, err }, "endpoint unusable"),
      panicked: (panicking) => panic.change(panicking),
    }),
    connect: (endpoint, atEnd) => endpointStack(name, endpoint, config, { ...context, classifier, atEnd }),
  });
  const service = new ServiceBuilder<HttpRequest & FromClient>()
    .layer(
      policyLayer(policies, "cluster", config.policies, {
        ...context,
        place: `cluster ${name}`,
        labels,
        classifier,
      }),
    )
    // Streams that an origin leaves unprocessed are retried with their bodies, which are already
    // being sent.
    .layer(optional(config.protocol === "http2" ? replay({ methods: [], recordAll: true }) : undefined))
    .service(balancer);
  return { balancer, service, health, panic };
}

/** Reports when health is ignored, except for endpoints whose first check is pending. */
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

/** The stack of one endpoint, from the outside in. */
function endpointStack(cluster: string, endpoint: Origin, config: ClusterConfig, context: EndpointContext) {
  const { calls, network, files, policies, tracing, stacks, atEnd, clock } = context;
  const blockedReasons: (() => BlockedReason | undefined)[] = [];
  const resets: PolicyReset[] = [];
  const { tls } = transportOptions(config, endpoint, files);
  const origin = network.client(config, endpoint, files);
  atEnd(() => void origin.close());
  atEnd(calls.track(endpoint.key));
  const stack = new ServiceBuilder<HttpRequest & FromClient>()
    .layer(
      policyLayer(policies, "endpoint", config.policies, {
        ...context,
        place: `cluster ${cluster}, endpoint ${endpoint.key}`,
        labels: { cluster, endpoint: endpoint.key },
        endpoint: endpoint.key,
        connection: [connectionOf(config), tls ?? null],
        blockedReasons,
        resets,
      }),
    )
    .layer(optional(tracing?.clientSpan({ tracer: tracing.tracer })))
    // Breaker and retries see the status of a gRPC origin that sends trailers only.
    .layer(grpcTrailers({ clock }))
    .service(origin);
  const parts: EndpointParts = { describe: () => described(stack), blockedReasons, resets };
  stacks.set(endpoint.key, parts);
  atEnd(() => {
    if (stacks.get(endpoint.key) === parts) stacks.delete(endpoint.key);
  });
  return stack;
}
