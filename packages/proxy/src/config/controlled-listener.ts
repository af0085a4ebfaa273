import { createHash } from "node:crypto";
import { knownMethods } from "@pagoda/http";
import type { XdsListener, XdsRetry, XdsRoute, XdsRoutes } from "@pagoda/xds";

/** Names of clusters in a configuration, by their names for the control plane. */
export type ClusterNames = ReadonlyMap<string, string>;

/** A listener with its routes, wherever these have come from. */
export type WholeListener = Omit<XdsListener, "hasOwnRoutes">;

/** A part of a configuration in file format. */
export interface ControlledPart {
  readonly listeners: readonly object[];
  readonly clusters: Readonly<Record<string, object>>;
}

/**
 * Translates a listener of a control plane into file format, with the clusters that its routes name.
 *
 * @param own Clusters of the file that have their endpoints from the control plane: routes go there.
 */
export function controlledPart(listener: WholeListener, own: ClusterNames): ControlledPart {
  const { name, address, port, tls, protocols, upgrades, routes, ...reading } = listener;
  const clusters: Record<string, object> = {};
  const cluster = (called: string): string => {
    const known = own.get(called) ?? nameFor(called);
    clusters[known] = { xds: called };
    return known;
  };
  const { normalizesPaths, mergesSlashes, escapedSlashes } = reading;
  const translated = {
    name: nameFor(name),
    address: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
    ...(tls && { tls: tlsOf(tls) }),
    protocols,
    upgrades,
    // Envoy turns `\` into `/`, but leaves `%5C` alone. Here both are refused.
    paths: normalizesPaths
      ? {
          normalize: "rfc3986",
          slashes: mergesSlashes ? "merge" : "keep",
          escapedSlashes,
          backslashes: "refuse",
        }
      : { normalize: "off" },
    order: "first",
    hostPorts: routes.ignoresPort ? "ignore" : "match",
    routes: allRoutes(routes, cluster),
  };
  return { listeners: [translated], clusters };
}

function tlsOf({ certificates, minVersion, clients }: NonNullable<XdsListener["tls"]>): object {
  return {
    certificates: certificates.map((secret) => ({ secret })),
    minVersion,
    ...(clients && { clients: { ca: { secret: clients.ca }, required: clients.required } }),
  };
}

/** A name as a configuration has it, which differs for different names. */
export function nameFor(called: string): string {
  if (/^\w[\w.-]{0,62}$/.test(called)) return called;
  const digest = createHash("sha256").update(called).digest("hex").slice(0, 8);
  const readable = called.replaceAll(/[^\w.-]+/g, "_").replace(/^[^\w]+/, "");
  return `${readable.slice(0, 54) || "x"}-${digest}`;
}

function allRoutes({ virtualHosts }: XdsRoutes, cluster: (called: string) => string): readonly object[] {
  const names = new Set<string>();
  const routes = virtualHosts.flatMap(({ name, domains, routes: its }) => {
    const hosts = hostsOf(domains);
    const translated = its.map((route, n) => ({
      name: unused(`${name}.${route.name || n}`, names),
      match: hosts.map((host) => ({ ...host, ...route.match })),
      ...actionOf(route, cluster),
    }));
    // In Envoy no other virtual host takes what this one does not.
    const none = { name: unused(`${name}.none`, names), match: hosts, respond: { status: 404 } };
    return [...translated, none];
  });
  return routes.length > 0 ? routes : [{ name: "none", respond: { status: 404 } }];
}

/** One match for all hosts that can be in one. */
function hostsOf(domains: readonly string[]): readonly { readonly hosts?: readonly string[] }[] {
  const hosts = domains.filter((domain) => domain !== "*");
  return [...(hosts.length > 0 ? [{ hosts }] : []), ...(hosts.length < domains.length ? [{}] : [])];
}

function unused(wanted: string, names: Set<string>): string {
  let name = nameFor(wanted);
  for (let n = 2; names.has(name); n++) name = nameFor(`${wanted}.${n}`);
  names.add(name);
  return name;
}

function actionOf(route: XdsRoute, cluster: (called: string) => string): object {
  const { redirect, respond, rewrite, requestHeaders, responseHeaders, timeoutMs = 0, retry } = route;
  const edits = { ...(responseHeaders && { responseHeaders }) };
  if (redirect !== undefined) return { ...edits, redirect };
  if (respond !== undefined) return { ...edits, respond };
  const tried = retry === undefined ? undefined : retryOf(retry);
  return {
    ...edits,
    ...(route.cluster !== undefined && { cluster: cluster(route.cluster) }),
    ...(route.clusters !== undefined && {
      clusters: sharesOf(route.clusters, cluster),
    }),
    ...(rewrite && { rewrite }),
    ...(requestHeaders && { requestHeaders }),
    policies: { timeout: `${timeoutMs}ms`, ...(tried && { retry: tried }) },
  };
}

/** A cluster may be listed twice by the control plane. */
function sharesOf(
  shares: NonNullable<XdsRoute["clusters"]>,
  cluster: (called: string) => string,
): readonly { readonly cluster: string; readonly weight: number }[] {
  const weights = new Map<string, number>();
  for (const { cluster: called, weight } of shares)
    weights.set(cluster(called), (weights.get(cluster(called)) ?? 0) + weight);
  return Array.from(weights, ([name, weight]) => ({ cluster: name, weight }));
}

function retryOf({ attempts, backoff, ...on }: XdsRetry): object | undefined {
  const { statuses, grpc, connectFailure, reset } = on;
  if (attempts < 2 || (statuses.length + grpc.length === 0 && !connectFailure && !reset)) return undefined;
  return {
    // As in Envoy, whatever the method.
    on: {
      statuses,
      grpc,
      connectFailure,
      reset,
      methods: [...knownMethods].filter((each) => each !== "CONNECT"),
    },
    attempts,
    ...(backoff && { backoff: { base: `${backoff.baseMs}ms`, max: `${backoff.maxMs}ms` } }),
  };
}
