import { createHash, hkdfSync } from "node:crypto";
import { type Either, isLeft, right } from "@pagoda/core";
import {
  type ClientLimits,
  type HttpServer,
  type ListenFailed,
  type PaceLimits,
  serve,
  type ServerTls,
} from "@pagoda/http/server";
import type { ListenerConfig } from "../config/schema/config.ts";
import { defined } from "../schema/defined.ts";
import { listenerName } from "../config/names.ts";
import { caName, pairNames } from "../config/tls-names.ts";
import type { ListenerOptions, OpenListener } from "./system.ts";
import type { Listening } from "./listening.ts";

/** A listening address for clients. */
export class Listener implements OpenListener {
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
    const { stack, counters, files, ticketSecret, sockets, log } = options;
    const { address, protocols, maxConnections, maxConnectionsPerClient, timeouts, tls, upgrades } = config;
    const server = await serve(stack, {
      ...address,
      sockets,
      protocols,
      maxConnections,
      ...defined({ maxConnectionsPerClient }),
      upgrades,
      limits: clientLimits(timeouts),
      ...(tls && { tls: serverTls(tls, files, ticketSecret) }),
      ...counters.observe(listenerName(config), log),
    });
    return isLeft(server) ? server : right(new Listener(config, server.right));
  }

  /** Whether a configuration is for this address and its fixed settings. */
  isFor(config: ListenerConfig): boolean {
    return this.#address === addressOf(config);
  }

  /**
   * Applies the settings that can change while it listens, to new connections and new requests;
   * timeouts apply to open ones, too.
   */
  update(
    { tls, maxConnections, maxConnectionsPerClient, timeouts, upgrades }: ListenerConfig,
    files: ReadonlyMap<string, string>,
    ticketSecret: Uint8Array,
  ): void {
    this.server.update({
      maxConnections,
      ...defined({ maxConnectionsPerClient }),
      upgrades,
      limits: clientLimits(timeouts),
      ...(tls && { tls: serverTls(tls, files, ticketSecret) }),
    });
  }
}

function clientLimits({ head, body, response, quiet, idle }: ListenerConfig["timeouts"]): ClientLimits {
  return {
    headMs: head,
    quietMs: quiet,
    idleMs: idle,
    body: paceLimits(body),
    response: paceLimits(response),
  };
}

function paceLimits({ minRate, grace, idle, total }: ListenerConfig["timeouts"]["body"]): PaceLimits {
  return { minRate, graceMs: grace, idleMs: idle, totalMs: total };
}

/** The settings that cannot change while it listens. */
function addressOf({ address, protocols, tls }: ListenerConfig): string {
  return JSON.stringify([address, protocols, tls !== undefined]);
}

function serverTls(
  {
    certificates,
    minVersion,
    ciphers,
    clients,
    ticketSecret: secretFile,
  }: NonNullable<ListenerConfig["tls"]>,
  files: ReadonlyMap<string, string>,
  ticketSecret: Uint8Array,
): ServerTls {
  const contents = (path: string): string => files.get(path) as string;
  const settings = {
    certificates: certificates.map((each) => {
      const { certificate, key } = pairNames(each) as NonNullable<ReturnType<typeof pairNames>>;
      return { certificate: contents(certificate), key: contents(key) };
    }),
    minVersion,
    ...(ciphers !== undefined && { ciphers }),
    ...(clients && { clients: { ca: contents(caName(clients.ca)), required: clients.required } }),
  };
  // Derived from these settings alone: a session must not outlive the trust under which it began.
  const ticketKeys = hkdfSync(
    "sha256",
    secretFile === undefined ? ticketSecret : contents(secretFile).trim(),
    "",
    createHash("sha256").update(JSON.stringify(settings)).digest(),
    48,
  );
  return { ...settings, ticketKeys: new Uint8Array(ticketKeys) };
}
