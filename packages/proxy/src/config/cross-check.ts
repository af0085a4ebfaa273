import { createSecureContext } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import { isBodilessStatus } from "@pagoda/http/grammar";
import { canonicalNetwork, validNetwork } from "@pagoda/core";
import { routeProblems } from "@pagoda/router";
import { listenerName } from "./names.ts";
import { checkField, checkOrder, type Path, type Report } from "../schema/report.ts";
import { checkClient } from "./check-client.ts";
import { checkControl } from "./check-control.ts";
import { checkCalled } from "./check-called.ts";
import { checkPolicies, clustersOf } from "./check-policies.ts";
import { checkReach } from "./unreachable.ts";
import { type ConfigDocument, nearest, type Problem } from "./document.ts";
import { BrokenPaths } from "./repair.ts";
import { targetsOf, toPathOptions, toRoute } from "./routes.ts";
import { addressText } from "./address.ts";
import type { ClusterConfig } from "./schema/cluster.ts";
import { type Config, configSchema, type ListenerConfig } from "./schema/config.ts";
import { policySchemas } from "./schema/policies.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import { shownAt } from "../schema/secrets.ts";
import { durationText } from "../schema/quantities.ts";

/**
 * Checks what no schema can: names used in two places, and rules known only to the layers.
 *
 * @param broken The parts removed as invalid, about which nothing is reported.
 */
export function crossProblems(
  document: ConfigDocument,
  config: Config,
  policies: PolicyRegistry,
  broken: BrokenPaths = new BrokenPaths(),
): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, message, by = [path]) => {
    if (!broken.isGone(path) && !by.some((each) => broken.has(each)))
      problems.push(document.problem(path, message));
  };
  const known = namesOf("clusters", document, config, broken);
  checkAny(document, config, report);
  checkListeners(config, { clusters: known, policies, broken, report });
  checkCalled(config, policies, report);
  checkAdmin(config, report);
  const stores = namesOf("stores", document, config, broken);
  checkPolicies(config, policies, report, (at, name) => {
    if (stores !== undefined && !stores.has(name))
      report(at, `unknown store "${name}"; ${hintAt(name, stores, "stores")}`);
  });
  for (const [name, cluster] of Object.entries(config.clusters)) {
    checkCluster(["clusters", name], cluster, report);
    checkClient(["clusters", name], cluster, report);
  }
  checkEffects(config, policies, report);
  checkControl(config, report);
  checkTimeouts(config, report);
  checkStores(config, report);
  return problems;
}

/** The names of the clusters or stores, including invalid ones; undefined if they are not known. */
function namesOf(
  field: "clusters" | "stores",
  { value }: ConfigDocument,
  config: Config,
  broken: BrokenPaths,
): ReadonlySet<string> | undefined {
  if (broken.isGone([field])) return undefined;
  return new Set([
    ...Object.keys(config[field]),
    ...Object.keys(Object((value as Partial<Config> | null)?.[field])),
  ]);
}

function checkCluster(
  path: Path,
  { balance, outliers, endpoints = [] }: ClusterConfig,
  report: Report,
): void {
  const urls = new Set<string>();
  endpoints.forEach((endpoint, n) => {
    const at: Path = [...path, "endpoints", n];
    const url = typeof endpoint === "string" ? endpoint : endpoint.url;
    if (urls.has(url)) report(at, `duplicate endpoint ${url}`);
    urls.add(url);
    if (balance === "round-robin" && typeof endpoint === "object" && endpoint.weight !== undefined)
      report([...at, "weight"], "has no effect with round-robin; use weighted-round-robin, or remove it", [
        [...path, "balance"],
      ]);
  });
  if (outliers !== undefined) {
    const { ejection, maxEjection } = outliers;
    checkOrder([...path, "outliers"], ["ejection", ejection], ["maxEjection", maxEjection], report);
  }
  if (typeof balance === "object" && typeof balance.key === "object")
    checkField([...path, "balance", "key", "header"], balance.key.header, report);
}

/** Reports settings without effect, since their author expects one. */
function checkEffects({ listeners, clusters }: Config, policyRegistry: PolicyRegistry, report: Report): void {
  const none = policySchemas(policyRegistry).route.parse({});
  listeners.forEach(({ routes }, at) => {
    routes.forEach(({ redirect, respond, rewrite, requestHeaders, policies }, n) => {
      const path: Path = ["listeners", at, "routes", n];
      if (redirect === undefined && respond === undefined) return;
      const nothing = "has no effect on a route that redirects or responds";
      if (!isDeepStrictEqual(policies, none))
        report([...path, "policies"], `${nothing}; use the policies of the listener`);
      if (rewrite !== undefined) report([...path, "rewrite"], nothing);
      if (requestHeaders !== undefined) report([...path, "requestHeaders"], nothing);
      if (respond?.body !== undefined && isBodilessStatus(respond.status))
        report([...path, "respond", "body"], `must be absent with status ${respond.status}`);
    });
  });
  for (const [name, { endpoints, dns, srv, kubernetes, xds, file, tls }] of Object.entries(clusters)) {
    if (tls === undefined || file !== undefined || xds !== undefined) continue;
    const schemes = endpoints?.map(
      (endpoint) => new URL(typeof endpoint === "string" ? endpoint : endpoint.url).protocol,
    );
    if ((schemes ?? [`${(dns ?? srv ?? kubernetes)?.scheme}:`]).includes("https:")) continue;
    const by = ["tls", "dns", "srv", "kubernetes"].map((field): Path => ["clusters", name, field]);
    report(["clusters", name, "tls"], "has no effect: no endpoint is https", by);
  }
}

function checkStores({ stores }: Config, report: Report): void {
  for (const [name, { redis, mode, master, tls }] of Object.entries(stores)) {
    const path: Path = ["stores", name];
    const by = [path, [...path, "redis"], [...path, "mode"]];
    const secured = redis.filter((url) => url.startsWith("rediss:")).length;
    if (mode === "single" && redis.length > 1)
      report([...path, "redis"], `must have one URL with mode: single (got ${redis.length})`, by);
    if (secured > 0 && secured < redis.length)
      report([...path, "redis"], "must be rediss:// for all servers or for none", by);
    // Without TLS, the connection would not be what its author expects.
    if (tls !== undefined && secured === 0)
      report([...path, "tls"], "has no effect: no URL is rediss://", by);
    if (mode === "sentinel" && master === undefined)
      report([...path, "master"], "must be the name of a master with mode: sentinel (missing)", by);
    if (mode !== "sentinel" && master !== undefined)
      report([...path, "master"], "has no effect without mode: sentinel", by);
  }
}

/** A try must not have more time than all tries together. */
function checkTimeouts({ listeners, clusters }: Config, report: Report): void {
  /** The longest timeout of the routes to a cluster. */
  const longest = new Map<string, number>();
  for (const { routes } of listeners) {
    for (const route of routes) {
      for (const name of targetsOf(route))
        longest.set(name, Math.max(longest.get(name) ?? 0, route.policies.timeout || Infinity));
    }
  }
  for (const [name, { policies }] of Object.entries(clusters)) {
    const waits = longest.get(name);
    if (waits === undefined || policies.timeout === undefined || policies.timeout <= waits) continue;
    const path: Path = ["clusters", name, "policies", "timeout"];
    const limit = `at most ${durationText(waits)}, the longest timeout of its routes`;
    report(path, `must be ${limit} (got ${durationText(policies.timeout)})`, [path, ["listeners"]]);
  }
}

/** Without a listener of its own, a proxy needs those of a control plane. */
function checkAny({ value }: ConfigDocument, { listeners, control }: Config, report: Report): void {
  if (listeners.length > 0 || control.xds?.listeners === true) return;
  const isMissing = (value as Partial<Config> | null)?.listeners === undefined;
  report(["listeners"], isMissing ? "must be a list (missing)" : "must be a list with at least one entry", [
    ["listeners"],
    ["control"],
  ]);
}

interface Checking {
  /** Their names, if known. */
  readonly clusters: ReadonlySet<string> | undefined;
  readonly policies: PolicyRegistry;
  readonly broken: BrokenPaths;
  readonly report: Report;
}

function checkListeners({ listeners }: Config, checking: Checking): void {
  const { report } = checking;
  const names = new Set<string>();
  const addresses = new Set<string>();
  listeners.forEach((listener, at) => {
    const path: Path = ["listeners", at];
    const [name, address] = [listenerName(listener), addressText(listener.address)];
    if (listener.address.port !== 0 && addresses.has(address))
      report([...path, "address"], `${address} is already the address of another listener`);
    else if (names.has(name)) report([...path, "name"], `"${name}" is already the name of another listener`);
    names.add(name);
    addresses.add(address);
    listener.trustedProxies?.forEach((network, n) => {
      if (canonicalNetwork(network) === undefined)
        report([...path, "trustedProxies", n], `must be ${validNetwork} (got "${network}")`);
    });
    checkCiphers([...path, "tls", "ciphers"], listener.tls?.ciphers, report);
    checkPaths([...path, "paths"], listener, report);
    checkRoutes(path, listener, checking);
  });
}

function checkAdmin({ listeners, admin }: Config, report: Report): void {
  const address = addressText(admin.address);
  if (admin.address.port !== 0 && listeners.some((listener) => addressText(listener.address) === address))
    report(["admin", "address"], `${address} is already the address of a listener`);
}

/** Paths that are not normalized have nothing replaced or refused. */
function checkPaths(path: Path, { paths }: ListenerConfig, report: Report): void {
  if (paths.normalize !== "off") return;
  for (const name of ["slashes", "escapedSlashes", "backslashes"] as const) {
    if ((paths[name] ?? "keep") !== "keep")
      report([...path, name], `must be keep with normalize: off (got ${paths[name]})`);
  }
}

function checkRoutes(
  listenerPath: Path,
  { routes, paths, order, hostPorts, policies: its }: ListenerConfig,
  { clusters, policies: policyRegistry, broken, report }: Checking,
): void {
  const path = [...listenerPath, "routes"];
  const known = (at: Path, name: string | undefined): void => {
    if (name === undefined || clusters === undefined || clusters.has(name)) return;
    report(at, `unknown cluster "${name}"; ${hintAt(name, clusters, "clusters")}`);
  };
  for (const [at, named] of clustersOf(policyRegistry.listener, its))
    known([...listenerPath, "policies", ...at], named);
  routes.forEach(({ cluster, clusters: shares, policies }, n) => {
    known([...path, n, "cluster"], cluster);
    shares?.forEach((share, s) => known([...path, n, "clusters", s, "cluster"], share.cluster));
    for (const [at, named] of clustersOf(policyRegistry.route, policies))
      known([...path, n, "policies", ...at], named);
  });
  // Of two with the same name, the second is reported.
  const last = new Map(routes.map(({ name }, n) => [name, n]));
  // Problems of path settings are reported once, at the listener.
  const pathOptions = paths.normalize === "off" ? { normalize: paths.normalize } : toPathOptions({ paths });
  const all = routes.map(toRoute);
  const wrong = new Set<number>();
  for (const { route, path: at, value, expected } of routeProblems(all, { ...pathOptions, hostPorts })) {
    const n = last.get(route) as number;
    wrong.add(n);
    const place: Path = [...path, n, ...at];
    // As a whole, a route must only have exactly one action.
    const by =
      at.length === 0
        ? actions.map((action): Path => place.concat(action))
        : // What is replaced depends on what is matched.
          [place, ...(at[0] === "match" ? [] : [[...path, n, "match"]])];
    const got =
      value === undefined ? "missing" : `got ${shownAt(configSchema(policyRegistry), place, value)}`;
    report(place, `must be ${expected} (${got})`, by);
  }
  if (order === "specific")
    checkReach(
      path,
      all,
      { order, hostPorts, isKnown: (n) => !wrong.has(n) && !broken.has([...path, n, "match"]) },
      report,
    );
}

const actions = ["cluster", "clusters", "redirect", "respond"] as const;

/** How many names are compared, and how many are listed. */
const [namesLookedAt, namesSaid] = [200, 10];

function hintAt(name: string, known: ReadonlySet<string>, what: string): string {
  const names = first(known, namesLookedAt);
  const meant = nearest(name, names);
  if (meant !== undefined) return `did you mean ${meant}?`;
  if (names.length === 0) return `there are no ${what}`;
  const said = names.slice(0, namesSaid).join(", ");
  return `the ${what} are ${said}${known.size > namesSaid ? `, and ${known.size - namesSaid} more` : ""}`;
}

function first(names: ReadonlySet<string>, most: number): readonly string[] {
  const taken: string[] = [];
  for (const name of names) {
    if (taken.length >= most) break;
    taken.push(name);
  }
  return taken;
}

function checkCiphers(path: Path, ciphers: string | undefined, report: Report): void {
  if (ciphers === undefined) return;
  try {
    createSecureContext({ ciphers });
  } catch {
    report(path, `must be a list of ciphers in OpenSSL format (got "${ciphers}")`);
  }
}
