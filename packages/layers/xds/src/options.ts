import {
  checkOneOf,
  checkOption,
  type Clock,
  type Fault,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import type { Locality } from "./endpoint.ts";

/** Kinds of resources: clusters, their endpoints, secrets, listeners and their routes. */
export type ResourceKind = "cds" | "eds" | "sds" | "lds" | "rds";

/** The control plane cannot be reached, or has ended the stream. */
export interface ControlPlaneDisconnected extends Fault<"ControlPlaneDisconnected"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly server: string;
  readonly reason: string;
}

/** The control plane has no such resource. */
export interface ResourceMissing extends Fault<"ResourceMissing"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly kind: ResourceKind;
  readonly name: string;
}

/** A resource is invalid or needs what is not supported. The last valid one is kept. */
export interface ResourceRejected extends Fault<"ResourceRejected"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly kind: ResourceKind;
  readonly name: string;
  /** One line for each problem, with its field. */
  readonly problems: readonly string[];
}

export type XdsFault = ControlPlaneDisconnected | ResourceMissing | ResourceRejected;

/** A response of the control plane. */
export interface XdsUpdate {
  readonly kind: ResourceKind;
  readonly version: string;
  /** How many of its resources were asked for and are valid. */
  readonly used: number;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface XdsObserver {
  /** The control plane has answered for the first time on this connection. */
  readonly connected?: () => void;
  readonly disconnected?: (fault: ControlPlaneDisconnected, retryInMs: number) => void;
  readonly accepted?: (update: XdsUpdate) => void;
  /** Some resources were rejected; the valid ones are used. */
  readonly rejected?: (update: XdsUpdate, problems: readonly string[]) => void;
  readonly missing?: (fault: ResourceMissing) => void;
}

/** Names this client to the control plane, which may select resources by it. */
export interface XdsNode {
  readonly id: string;
  /** The group that it belongs to. Default: none. */
  readonly cluster?: string;
  readonly metadata?: { readonly [name: string]: unknown };
  readonly locality?: Locality;
}

/** Authorities and client certificate, PEM. */
export interface XdsTls {
  /** Default: the system's. */
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** Name that the certificate must have. Default: the server's host. */
  readonly servername?: string;
}

/** Options of {@link xdsClient}. */
export interface XdsOptions {
  /**
   * The control plane: `https://HOST:PORT`, `http://HOST:PORT` for HTTP/2 without TLS, or the path
   * of a unix socket, `unix:///run/spire/sockets/agent.sock`.
   */
  readonly server: string;
  readonly node: XdsNode;
  /**
   * `delta`: the control plane sends what changes; `sotw`: all resources of a kind, whenever one
   * changes. Default `delta`.
   */
  readonly protocol?: "delta" | "sotw";
  /**
   * `ads`: the aggregated stream, for all kinds of resources; `sds`: the service of agents that
   * serve secrets alone, such as SPIRE's. Such an agent may end a stream that asks for a secret
   * which is not for this client, so use a client for each, as Envoy does. Default `ads`.
   */
  readonly service?: "ads" | "sds";
  /** For `https`. */
  readonly tls?: XdsTls;
  readonly observer?: XdsObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The options with their defaults. */
export type Settings = Required<Omit<XdsOptions, "tls" | "observer">> & Pick<XdsOptions, "tls" | "observer">;

/** @throws RangeError when an option is invalid. */
export function checked(options: XdsOptions): Settings {
  const { server, node, protocol = "delta", service = "ads" } = options;
  const { clock = systemClock, random = systemRandom } = options;
  const isOrigin = /^(?:https?:\/\/[^/?#@\s]+\/?|unix:\/\/\/.+)$/.test(server) && URL.canParse(server);
  checkOption("xdsClient: server", server, isOrigin, "http://HOST:PORT, https://HOST:PORT or unix:///PATH");
  checkOption("xdsClient: node.id", node.id, node.id !== "", "a name");
  checkOneOf("xdsClient: protocol", protocol, ["delta", "sotw"]);
  checkOneOf("xdsClient: service", service, ["ads", "sds"]);
  return { ...options, protocol, service, clock, random };
}
