import { Resolver } from "node:dns/promises";
import type { Discovery, Endpoint, Fault } from "@pagoda/core";
import { dnsEndpoints, fileEndpoints, type Source, srvEndpoints } from "@pagoda/discovery";
import type { Logger } from "pino";
import type { ClusterConfig } from "../config/schema/cluster.ts";

/** An endpoint of a cluster: its key is its origin. */
export interface Origin extends Endpoint {
  /** What its certificate must show where that is not what its key says: the name that was looked up. */
  readonly host?: string | undefined;
}

/** Where the endpoints of a cluster come from. */
export interface Endpoints extends Discovery<Origin> {
  /** Settles when it is known for the first time which there are, or that this cannot be known now. */
  readonly started: Promise<unknown>;
  /** Takes over what a configuration of the same kind says now. */
  update(config: ClusterConfig): void;
  close(): void;
}

/** The endpoints that a configuration names, or the source of them that it names. */
export function endpointsOf(config: ClusterConfig, log: Logger): Endpoints {
  const { endpoints, dns, srv, file } = config;
  if (endpoints !== undefined) return new Listed(endpoints);
  const observer = {
    failed(fault: Fault): void {
      const known = source.endpoints.length;
      const meanwhile = known === 0 ? "none are known" : "those that were known stay";
      log.warn({ fault, known }, `endpoints cannot be found out; ${meanwhile}`);
    },
  };
  const source: Source<Origin> =
    dns !== undefined
      ? dnsEndpoints({ ...dns, observer, resolver: resolverOf(dns.servers) })
      : srv !== undefined
        ? srvEndpoints({ ...srv, observer, resolver: resolverOf(srv.servers) })
        : fileEndpoints({ path: file as string, observer });
  return {
    get endpoints() {
      return source.endpoints;
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

/** A list that changes when the configuration does. */
class Listed implements Endpoints {
  endpoints: readonly Origin[];
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
