import { Resolver } from "node:dns/promises";
import type { Discovery, EndpointSource, Fault } from "@pagoda/core";
import { type DnsEndpoint, dnsEndpoints, fileEndpoints, srvEndpoints } from "@pagoda/discovery";
import type { Logger } from "pino";
import { originsIn } from "../config/origins.ts";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import type { Origin } from "./origin.ts";

export type { Origin };

/** The endpoints of a cluster. */
export interface Endpoints extends Discovery<Origin> {
  /** Settles when the endpoints are first known, or the first discovery has failed. */
  readonly started: Promise<unknown>;
  /** Why the last discovery failed; undefined if it succeeded. */
  readonly lastError: string | undefined;
  /** Applies a configuration of the same kind. */
  update(config: ClusterConfig): void;
  close(): void;
}

/**
 * The endpoints listed in a configuration, or its discovery source.
 *
 * @param initial Last known endpoints of that source, from another cluster or configuration, used
 * until the source answers.
 */
export function endpointsOf(config: ClusterConfig, log: Logger, initial: readonly Origin[] = []): Endpoints {
  const { endpoints, dns, srv, file } = config;
  if (endpoints !== undefined) return new Listed(endpoints);
  const observer = {
    failed(fault: Fault & { readonly partial?: true }): void {
      const known = source.endpoints.length;
      if (fault.partial) log.warn({ fault, known }, "invalid endpoints left out");
      else if (known === 0) log.warn({ fault, known }, "endpoint discovery failed; no endpoint is known");
      else log.warn({ fault, known }, "endpoint discovery failed; keeping the last known endpoints");
    },
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
