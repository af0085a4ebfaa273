import type { Clock } from "@pagoda/core";
import type { XdsClient, XdsObserver } from "@pagoda/xds";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Resolved } from "../config/resolved.ts";
import type { XdsConfig } from "../config/schema/control.ts";
import { defined } from "../schema/defined.ts";
import { XdsMetrics } from "./xds-metrics.ts";

/** Milliseconds to wait for first answers: a control plane that hangs must not keep traffic away. */
export const firstAnswersMs = 5_000;

export interface ControlPlanesOptions {
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
}

/** Which server to connect to, and for what. */
export interface PlaneSettings {
  readonly config: Omit<XdsConfig, "listeners">;
  readonly service: "ads" | "sds";
  /** The only secret of an agent's client: see `service` in `XdsOptions`. */
  readonly secret?: string | undefined;
}

/** A connection, until it is released. */
export interface ControlPlane {
  readonly client: XdsClient;
  /** Ends the connection unless others use it. */
  release(): void;
}

interface Connection {
  readonly server: string;
  readonly client: XdsClient;
  /** What their users want called after each change. */
  readonly users: Set<{ readonly changed: () => void }>;
}

/** The connections to control planes, one for all who use the same server in the same way. */
export class ControlPlanes {
  readonly #options: ControlPlanesOptions;
  readonly #metrics: XdsMetrics;
  readonly #connections = new Map<string, Connection>();

  constructor(options: ControlPlanesOptions) {
    this.#options = options;
    this.#metrics = new XdsMetrics(options.registry, () => [...this.#connections.values()]);
  }

  /** @param changed Called whenever something may have changed. */
  async take(settings: PlaneSettings, files: Resolved["files"], changed: () => void): Promise<ControlPlane> {
    // It comes with a gRPC client, which most processes do not need.
    const library = await import("@pagoda/xds");
    const key = planeKey(settings, files);
    const connection = this.#connections.get(key) ?? this.#connect(key, settings, files, library);
    const user = { changed };
    connection.users.add(user);
    return {
      client: connection.client,
      release: () => {
        connection.users.delete(user);
        if (connection.users.size > 0) return;
        this.#connections.delete(key);
        connection.client.close();
      },
    };
  }

  #connect(
    key: string,
    { config, service, secret }: PlaneSettings,
    files: Resolved["files"],
    { xdsClient }: typeof import("@pagoda/xds"),
  ): Connection {
    const { server, node, protocol, tls = {} } = config;
    const contents = (path: string | undefined) => (path === undefined ? undefined : files.get(path));
    const users: Connection["users"] = new Set();
    const client = xdsClient({
      server,
      service,
      protocol,
      node: { ...defined(node), id: node.id, locality: defined(node.locality ?? {}) },
      tls: defined({
        ca: contents(tls.ca),
        certificate: contents(tls.certificate),
        key: contents(tls.key),
        servername: tls.servername,
      }),
      observer: this.#observer(defined({ server, secret }), service, () => {
        for (const { changed } of users) changed();
      }),
      clock: this.#options.clock,
    });
    const connection = { server, client, users };
    this.#connections.set(key, connection);
    return connection;
  }

  #observer(about: object, service: PlaneSettings["service"], changed: () => void): XdsObserver {
    const log = this.#options.log.child(about);
    const kept = service === "sds" ? "secret" : "endpoints";
    return {
      connected() {
        log.info("control plane connected");
        changed();
      },
      disconnected({ reason }, retryInMs) {
        log.warn({ reason, retryInMs }, `control plane disconnected; keeping the last known ${kept}`);
        changed();
      },
      accepted: (update) => {
        log.debug(update, "control plane update accepted");
        this.#metrics.updated(update.kind, "accepted");
        changed();
      },
      rejected: (update, problems) => {
        log.warn({ ...update, problems }, "control plane update rejected; keeping what was valid");
        this.#metrics.updated(update.kind, "rejected");
        changed();
      },
      missing({ kind, name }) {
        log.warn({ kind, name }, "unknown to the control plane");
        changed();
      },
    };
  }
}

/** All that makes another connection necessary. */
export function planeKey({ config, service, secret }: PlaneSettings, files: Resolved["files"]): string {
  const { ca, certificate, key } = config.tls ?? {};
  const contents = [ca, certificate, key].map((path) => path && files.get(path));
  return JSON.stringify([config, service, secret, contents]);
}
