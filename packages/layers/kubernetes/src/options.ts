import {
  checkDuration,
  checkInteger,
  checkOneOf,
  checkOption,
  type Clock,
  type Random,
  type SourceObserver,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { apiServer, type ApiServer } from "./api-server.ts";
import type { KubernetesFault } from "./faults.ts";
import type { KubernetesEndpoint } from "./slices.ts";

/** Options of `kubernetesEndpoints`. */
export interface KubernetesEndpointsOptions {
  /** Namespace of the service. */
  readonly namespace: string;
  /** Name of the service. */
  readonly service: string;
  /**
   * Name of the service's port, or the number on which the pods listen: the `targetPort`, since no
   * call goes through the service's own address.
   */
  readonly port: string | number;
  /** Scheme of the endpoints' keys, such as `http://10.0.0.7:8080`. Default `http`. */
  readonly scheme?: string;
  /** Only addresses of this IP version. Default: IPv4, and IPv6 if no IPv4 endpoint is ready. */
  readonly family?: 4 | 6;
  /** The API server. Default: that of the cluster in which the program runs. */
  readonly server?: ApiServer;
  /**
   * Timeout in milliseconds of a request, for each page of a list or until a watch begins: over 0.
   * Default 10,000.
   */
  readonly timeoutMs?: number;
  /**
   * Maximum duration of a watch in milliseconds: 1,000 or more. Default 120,000. It bounds for how
   * long a connection that died unnoticed counts as a watch without events.
   */
  readonly watchMs?: number;
  /**
   * Initial time before a retry in milliseconds, half of it fixed and half random: over 0. Default
   * 1,000.
   */
  readonly failureMs?: number;
  /**
   * The time before a retry doubles with each consecutive failure up to this: at most
   * 2,147,483,647. Default 30,000.
   */
  readonly maxFailureMs?: number;
  /**
   * Endpoints until the first answer, such as the last list before a restart. They are kept while
   * the API server fails. Default: none.
   */
  readonly initial?: readonly KubernetesEndpoint[];
  readonly observer?: KubernetesObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface KubernetesObserver extends SourceObserver<KubernetesEndpoint, KubernetesFault> {
  /** A watch has begun, or ended. */
  readonly watching?: (isWatching: boolean) => void;
}

/** The settings with their defaults. */
export type Settings = Required<Omit<KubernetesEndpointsOptions, "family" | "observer">> &
  Pick<KubernetesEndpointsOptions, "observer"> & { readonly family: 4 | 6 | undefined };

/** Namespaces, services and their ports are named alike. */
const name = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/;

/** @throws RangeError when an option is out of range. */
export function checked(options: KubernetesEndpointsOptions): Settings {
  const {
    namespace,
    service,
    port,
    scheme = "http",
    family,
    server = apiServer(process.env),
    timeoutMs = 10_000,
    watchMs = 120_000,
    failureMs = 1_000,
    maxFailureMs = Math.max(failureMs, 30_000),
    initial = [],
    observer,
    clock = systemClock,
    random = systemRandom,
  } = options;
  const of = (option: string): string => `kubernetesEndpoints: ${option}`;
  checkOption(of("namespace"), namespace, name.test(namespace), "the name of a namespace");
  checkOption(of("service"), service, name.test(service), "the name of a service");
  if (typeof port === "number") checkInteger(of("port"), port, { min: 1, max: 65_535 });
  else checkOption(of("port"), port, name.test(port), "the name of a port, or a number");
  const isScheme = /^[a-z][a-z\d+.-]*$/i.test(scheme);
  checkOption(of("scheme"), scheme, isScheme, "the scheme of a URL, such as http");
  checkOneOf(of("family"), family, [4, 6, undefined]);
  checkOption(of("server"), server, server !== undefined, "an API server outside a Kubernetes cluster");
  const { origin } = server as ApiServer;
  checkOption(of("server.origin"), origin, isHttps(origin), "https://HOST:PORT");
  checkDuration(of("timeoutMs"), timeoutMs);
  checkDuration(of("watchMs"), watchMs, { min: 1_000 });
  checkDuration(of("failureMs"), failureMs);
  checkDuration(of("maxFailureMs"), maxFailureMs, { min: { failureMs } });
  return {
    namespace,
    service,
    port,
    scheme,
    family,
    server: server as ApiServer,
    timeoutMs,
    watchMs,
    failureMs,
    maxFailureMs,
    initial,
    ...(observer && { observer }),
    clock,
    random,
  };
}

/** A token must not travel in the clear. */
function isHttps(server: string): boolean {
  const url = URL.parse(server);
  return url?.protocol === "https:" && url.pathname === "/" && url.search === "" && url.username === "";
}
