import type { Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/core/http";
import { type HttpServer, type ListenFailed, serve, type ServerTls } from "@pagoda/core/server";
import type { Either } from "fp-ts/lib/Either.js";
import { isLeft, right } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import type { ListenerConfig } from "../config/schema/config.ts";
import type { ServerCounters } from "./server-counters.ts";
import { listenerName } from "./shared-limits.ts";
import type { Listening } from "./types.ts";

export interface ListenerOptions {
  readonly stack: Service<HttpRequest, HttpResponse>;
  readonly counters: ServerCounters;
  readonly files: ReadonlyMap<string, string>;
  /** The port to take where the configuration says 0. */
  readonly port: number | undefined;
  /** Other threads listen there, too. */
  readonly reusePort: boolean;
  readonly log: Logger;
}

/** A place where clients connect. */
export class Listener {
  readonly listening: Listening;
  readonly server: HttpServer;
  readonly #address: string;

  private constructor(config: ListenerConfig, server: HttpServer) {
    const { host, port, url } = server;
    this.server = server;
    this.listening = { name: listenerName(config), host, port, url };
    this.#address = addressOf(config);
  }

  static async open(
    config: ListenerConfig,
    options: ListenerOptions,
  ): Promise<Either<ListenFailed, Listener>> {
    const { stack, counters, files, port, reusePort, log } = options;
    const { address, protocols, maxConnections, tls } = config;
    const server = await serve(stack, {
      host: address.host,
      port: address.port === 0 ? (port ?? 0) : address.port,
      reusePort,
      protocols,
      maxConnections,
      ...(tls && { tls: serverTls(tls, files) }),
      ...counters.observe(listenerName(config), log),
    });
    return isLeft(server) ? server : right(new Listener(config, server.right));
  }

  /** Whether a configuration is for this very place. */
  isFor(config: ListenerConfig): boolean {
    return this.#address === addressOf(config);
  }

  /** Takes over what can change while it listens: it counts for new connections. */
  update({ tls, maxConnections }: ListenerConfig, files: ReadonlyMap<string, string>): void {
    this.server.update({ maxConnections, ...(tls && { tls: serverTls(tls, files) }) });
  }
}

/** What cannot change while it listens. */
function addressOf({ address, protocols, tls }: ListenerConfig): string {
  return JSON.stringify([address, protocols, tls !== undefined]);
}

function serverTls(
  { certificates, minVersion, ciphers, clients }: NonNullable<ListenerConfig["tls"]>,
  files: ReadonlyMap<string, string>,
): ServerTls {
  const contents = (path: string): string => files.get(path) as string;
  return {
    certificates: certificates.map(({ certificate, key }) => ({
      certificate: contents(certificate),
      key: contents(key),
    })),
    minVersion,
    ...(ciphers !== undefined && { ciphers }),
    ...(clients && { clients: { ca: contents(clients.ca), required: clients.required } }),
  };
}
