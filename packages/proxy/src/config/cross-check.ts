import { createSecureContext } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import { canonicalNetwork, validNetwork } from "@pagoda/core";
import { routeProblems } from "@pagoda/router";
import { listenerName } from "../data-plane/shared-limits.ts";
import {
  checkClusterPolicies,
  checkField,
  checkIdentities,
  checkListenerPolicies,
  checkOrder,
  checkRoutePolicies,
  type Path,
  type Report,
} from "./check-policies.ts";
import { type ConfigDocument, nearest, type Problem } from "./document.ts";
import { toPathOptions, toRoute } from "./routes.ts";
import { addressText } from "./address.ts";
import type { ClusterConfig } from "./schema/cluster.ts";
import { type Config, config as schema, type ListenerConfig } from "./schema/config.ts";
import { routePolicies } from "./schema/policies.ts";
import { shownAt } from "./schema/secrets.ts";
import { durationText } from "./schema/units.ts";

/** What no schema can say: names that stand in two places, and what only the layers know to be wrong. */
export function crossProblems(document: ConfigDocument, config: Config): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, message) => void problems.push(document.problem(path, message));
  checkListeners(config, report);
  checkAdmin(config, report);
  for (const [name, cluster] of Object.entries(config.clusters))
    checkCluster(["clusters", name], cluster, report);
  checkEffects(config, report);
  checkTimeouts(config, report);
  return problems;
}

function checkCluster(
  path: Path,
  { policies, balance, outliers, endpoints = [] }: ClusterConfig,
  report: Report,
): void {
  const urls = endpoints.map((endpoint) => (typeof endpoint === "string" ? endpoint : endpoint.url));
  endpoints.forEach((endpoint, n) => {
    const at: Path = [...path, "endpoints", n];
    if (urls.indexOf(urls[n] as string) < n) report(at, `${urls[n]} is there already; valid is each once`);
    if (balance === "round-robin" && typeof endpoint === "object" && endpoint.weight !== undefined)
      report([...at, "weight"], "would do nothing with round-robin; valid is another balance, or none");
  });
  checkClusterPolicies([...path, "policies"], policies, report);
  if (outliers !== undefined) {
    const { ejection, maxEjection } = outliers;
    checkOrder([...path, "outliers"], ["ejection", ejection], ["maxEjection", maxEjection], report);
  }
  if (typeof balance === "object" && typeof balance.key === "object")
    checkField([...path, "balance", "key", "header"], balance.key.header, report);
}

/** What would be taken, and do nothing: somebody counts on it. */
function checkEffects({ listeners, clusters }: Config, report: Report): void {
  const none = routePolicies.parse({});
  listeners.forEach(({ routes }, at) => {
    routes.forEach(({ redirect, respond, rewrite, requestHeaders, policies }, n) => {
      const path: Path = ["listeners", at, "routes", n];
      if (redirect === undefined && respond === undefined) return;
      const nothing = "would do nothing on a route that answers by itself";
      if (!isDeepStrictEqual(policies, none))
        report([...path, "policies"], `${nothing}; valid are those of the listener`);
      if (rewrite !== undefined) report([...path, "rewrite"], nothing);
      if (requestHeaders !== undefined) report([...path, "requestHeaders"], nothing);
      if (respond?.body !== undefined && (respond.status === 204 || respond.status === 304))
        report([...path, "respond", "body"], `a response with ${respond.status} has none`);
    });
  });
  for (const [name, { endpoints, dns, srv, file, tls }] of Object.entries(clusters)) {
    if (tls === undefined || file !== undefined) continue;
    const schemes = endpoints?.map(
      (endpoint) => new URL(typeof endpoint === "string" ? endpoint : endpoint.url).protocol,
    );
    if ((schemes ?? [`${(dns ?? srv)?.scheme}:`]).includes("https:")) continue;
    report(["clusters", name, "tls"], "would do nothing: no endpoint is https");
  }
}

/** A try may not take longer than all tries may. */
function checkTimeouts({ listeners, clusters }: Config, report: Report): void {
  const routes = listeners.flatMap((listener) => listener.routes);
  for (const [name, { policies }] of Object.entries(clusters)) {
    const waits = routes
      .filter((route) => route.cluster === name || route.clusters?.some(({ cluster }) => cluster === name))
      .map((route) => route.policies.timeout || Infinity);
    const longest = Math.max(0, ...waits);
    if (waits.length > 0 && policies.timeout !== undefined && policies.timeout > longest)
      report(
        ["clusters", name, "policies", "timeout"],
        `is ${durationText(policies.timeout)}, but each route to it has given up after ${durationText(longest)}`,
      );
  }
}

function checkListeners({ listeners, clusters }: Config, report: Report): void {
  const names = new Set<string>();
  const addresses = new Set<string>();
  listeners.forEach((listener, at) => {
    const path: Path = ["listeners", at];
    const [name, address] = [listenerName(listener), addressText(listener.address)];
    if (listener.address.port !== 0 && addresses.has(address))
      report([...path, "address"], `${address} is another listener's, too`);
    else if (names.has(name)) report([...path, "name"], `"${name}" is another listener's name, too`);
    names.add(name);
    addresses.add(address);
    listener.trustedProxies?.forEach((network, n) => {
      if (canonicalNetwork(network) === undefined)
        report([...path, "trustedProxies", n], `must be ${validNetwork} (got "${network}")`);
    });
    checkCiphers([...path, "tls", "ciphers"], listener.tls?.ciphers, report);
    checkListenerPolicies([...path, "policies"], listener.policies, report);
    checkPaths([...path, "paths"], listener, report);
    checkRoutes(path, listener, Object.keys(clusters), report);
    if (listener.tls?.clients !== undefined) return;
    checkIdentities([...path, "policies"], listener.policies, report);
    listener.routes.forEach(({ policies }, n) =>
      checkIdentities([...path, "routes", n, "policies"], policies, report),
    );
  });
}

function checkAdmin({ listeners, admin }: Config, report: Report): void {
  const address = addressText(admin.address);
  if (admin.address.port !== 0 && listeners.some((listener) => addressText(listener.address) === address))
    report(["admin", "address"], `${address} is a listener's, too`);
}

/** Where paths stay as they come nothing in them is replaced or refused. */
function checkPaths(path: Path, { paths }: ListenerConfig, report: Report): void {
  if (paths.normalize !== "off") return;
  for (const name of ["slashes", "escapedSlashes", "backslashes"] as const) {
    if ((paths[name] ?? "keep") !== "keep")
      report([...path, name], `must be keep with normalize: off (got ${paths[name]})`);
  }
}

function checkRoutes(
  listenerPath: Path,
  { routes, paths }: ListenerConfig,
  clusters: readonly string[],
  report: Report,
): void {
  const path = [...listenerPath, "routes"];
  const known = (at: Path, name: string | undefined): void => {
    if (name === undefined || clusters.includes(name)) return;
    const meant = nearest(name, clusters);
    const hint =
      meant === undefined ? `there are ${clusters.join(", ") || "none"}` : `did you mean ${meant}?`;
    report(at, `there is no cluster "${name}"; ${hint}`);
  };
  routes.forEach(({ name, cluster, clusters: shares, policies }, n) => {
    known([...path, n, "cluster"], cluster);
    shares?.forEach((share, s) => known([...path, n, "clusters", s, "cluster"], share.cluster));
    known([...path, n, "policies", "mirror", "cluster"], policies.mirror?.cluster);
    checkRoutePolicies([...path, n, "policies"], name, policies, report);
  });
  // What is wrong with how paths are read is said once, where it stands.
  const pathOptions = paths.normalize === "off" ? { normalize: paths.normalize } : toPathOptions({ paths });
  for (const { route, path: at, value, message } of routeProblems(routes.map(toRoute), pathOptions)) {
    // Of two with the same name the last one is the one too many.
    const n = routes.findLastIndex(({ name }) => name === route);
    const place: Path = [...path, n, ...at];
    report(place, `${value === undefined ? "" : `is ${shownAt(schema, place, value)}; `}${message}`);
  }
}

function checkCiphers(path: Path, ciphers: string | undefined, report: Report): void {
  if (ciphers === undefined) return;
  try {
    createSecureContext({ ciphers });
  } catch {
    report(path, `is "${ciphers}"; valid is a list of ciphers as OpenSSL has it`);
  }
}
