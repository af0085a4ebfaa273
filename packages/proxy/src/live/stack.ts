import type { ConfigInput } from "../config/schema/config.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import type {
  LiveClusterSettings,
  LiveListener,
  LivePolicy,
  LiveRoute,
  LiveStack,
  LiveValue,
} from "./snapshot.ts";

type Settings = Readonly<Record<string, unknown>>;
type Listener = NonNullable<ConfigInput["listeners"]>[number];
type Route = Listener["routes"][number];
type Cluster = NonNullable<ConfigInput["clusters"]>[string];

/**
 * What a configuration composes.
 *
 * @param config As `/config` shows it, without secrets.
 * @param urls Where listeners listen, by name.
 */
export function stackOf(
  config: ConfigInput,
  policies: PolicyRegistry,
  urls: ReadonlyMap<string, string>,
): LiveStack {
  const { listeners = [], clusters = {} } = config;
  return {
    listeners: listeners.map((each) => listenerOf(each, policies, urls)),
    clusters: Object.entries(clusters).map(([name, each]) => clusterOf(name, each, policies)),
  };
}

function listenerOf(
  { name, address, protocols = [], policies: settings, routes }: Listener,
  policies: PolicyRegistry,
  urls: ReadonlyMap<string, string>,
): LiveListener {
  const listener = name ?? address;
  return {
    listener,
    url: urls.get(listener) ?? null,
    protocols,
    policies: inOrder(policies.listener, settings),
    routes: routes.map((route) => routeOf(route, policies)),
  };
}

function routeOf(route: Route, policies: PolicyRegistry): LiveRoute {
  const { name, match = [], cluster, clusters = [], redirect, respond, policies: settings } = route;
  const all = cluster === undefined ? clusters : [{ cluster, weight: 1 }];
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  return {
    route: name,
    match: [match].flat().map(conditions),
    clusters: all.map((each) => ({ cluster: each.cluster, share: each.weight / total })),
    answer:
      redirect !== undefined
        ? `redirect ${redirect.status ?? 302}`
        : respond === undefined
          ? null
          : `respond ${respond.status}`,
    policies: inOrder(policies.route, settings),
  };
}

function clusterOf(name: string, cluster: Cluster, policies: PolicyRegistry): LiveClusterSettings {
  const { protocol = "http1", balance = "round-robin", check, outliers, policies: settings } = cluster;
  const source = ["dns", "srv", "kubernetes", "xds", "file"].find((each) => each in cluster);
  return {
    cluster: name,
    source: source ?? "listed",
    protocol,
    balance: balance as LiveValue,
    check: check !== undefined,
    outliers: outliers !== undefined,
    policies: inOrder([...policies.cluster, ...policies.endpoint], settings),
  };
}

/** The configured policies, the outermost first. */
function inOrder(stack: readonly { readonly name: string }[], settings: object = {}): readonly LivePolicy[] {
  return stack.flatMap(({ name }) => {
    const its = (settings as Settings)[name];
    return its === undefined ? [] : [{ policy: name, settings: its as LiveValue }];
  });
}

/** `host shop.example · path prefix /api · header x-team contains shop`. */
function conditions({ hosts = [], path, methods = [], headers = [], query = [] }: Match): string {
  const all = [
    ...(hosts.length > 0 ? [`host ${hosts.join(" or ")}`] : []),
    ...(path === undefined ? [] : [`path ${typeof path === "string" ? `prefix ${path}` : words(path)}`]),
    ...(methods.length > 0 ? [`method ${methods.join(" or ")}`] : []),
    ...headers.map(({ name, ...value }) => `header ${name} ${words(value)}`),
    ...query.map(({ name, ...value }) => `query ${name} ${words(value)}`),
  ];
  return all.length === 0 ? "every request" : all.join(" · ");
}

type Match = Exclude<NonNullable<Route["match"]>, readonly unknown[]>;

function words(condition: object): string {
  return Object.entries(condition)
    .map(([word, value]) => (value === true ? word : `${word} ${String(value)}`))
    .join(" ");
}
