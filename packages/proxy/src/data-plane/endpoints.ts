import { Resolver } from "node:dns/promises";
import type { EndpointSource, Fault } from "@pagoda/core";
import { type DnsEndpoint, dnsEndpoints, fileEndpoints, srvEndpoints } from "@pagoda/discovery";
import { originsIn } from "../config/origins.ts";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { sourceOf } from "../config/sources.ts";
import type { ClusterContext } from "./cluster-context.ts";
import { discoveryFailed } from "./discovery-failed.ts";
import type { Endpoints, Origin } from "./origin.ts";

/**
 * The endpoints listed in a configuration, or its discovery source.
 *
 * @param initial Last known endpoints of that source, from another cluster or configuration, used
 * until the source answers.
 */
export function endpointsOf(
  config: ClusterConfig,
  { log, central }: Pick<ClusterContext, "log" | "central">,
  initial: readonly Origin[] = [],
): Endpoints {
  const { endpoints, dns, srv, kubernetes, xds, file } = config;
  if (endpoints !== undefined) return new Listed(endpoints);
  if (kubernetes !== undefined || xds !== undefined) return central.of(sourceOf(config) as string);
  const observer = {
    failed: (fault: Fault): void => discoveryFailed(log, fault, source.endpoints.length),
  };
  const found = initial as readonly DnsEndpoint[];
  const source: EndpointSource<Origin> =
    dns !== undefined
      ? dnsEndpoints({ ...dns, observer, resolver: resolverOf(dns.servers), initial: found })
      : srv !== undefined
        ? srvEndpoints({ ...srv, observer, resolver: resolverOf(srv.servers), initial: found })
        : fileEndpoints({ path: file as string, parse: originsIn, observer, initial });
  return {
    get endpoints() {
      return source.endpoints;
    },
    get lastError() {
      return source.lastError;
    },
    subscribe: (changed) => source.subscribe(changed),
    state: () => source.state(),
    started: source.started,
    update() {},
    close: () => source.close(),
  };
}

function resolverOf(servers: readonly string[] | undefined): Resolver {
  const resolver = new Resolver();
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}

type ListedEndpoint = NonNullable<ClusterConfig["endpoints"]>[number];

/** A static list that changes with the configuration. */
class Listed implements Endpoints {
  endpoints: readonly Origin[];
  readonly lastError = undefined;
  readonly started: Promise<void> = Promise.resolve();
  readonly #subscribers = new Set<{ readonly changed: () => void }>();

  constructor(list: readonly ListedEndpoint[]) {
    this.endpoints = list.map(toOrigin);
  }

  subscribe(changed: () => void): () => void {
    const subscriber = { changed };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  update({ endpoints = [] }: ClusterConfig): void {
    const next = endpoints.map(toOrigin);
    if (JSON.stringify(next) === JSON.stringify(this.endpoints)) return;
    this.endpoints = next;
    for (const { changed } of this.#subscribers) changed();
  }

  close(): void {
    this.#subscribers.clear();
  }
}

function toOrigin(endpoint: ListedEndpoint): Origin {
  return typeof endpoint === "string" ? { key: endpoint } : { key: endpoint.url, weight: endpoint.weight };
}
