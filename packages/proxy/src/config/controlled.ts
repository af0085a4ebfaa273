import { type Either, left, right } from "@pagoda/core";
import type { ListenerResource, XdsRoutes } from "@pagoda/xds";
import type { PolicyRegistry } from "../policies/registry.ts";
import { addressText } from "./address.ts";
import { type ClusterNames, controlledPart, type WholeListener } from "./controlled-listener.ts";
import { ConfigDocument } from "./document.ts";
import { listenerName } from "./names.ts";
import { examine } from "./read.ts";
import type { Config, ListenerConfig } from "./schema/config.ts";

/** A listener of a control plane as part of a configuration. */
export interface Controlled {
  readonly listener: ListenerConfig;
  readonly clusters: Config["clusters"];
}

/** The rest of a file. Any control plane will do: only its clusters are named. */
const rest = {
  admin: { address: "127.0.0.1:0" },
  control: { xds: { server: "http://control-plane:1", node: { id: "check" }, listeners: true } },
};

/**
 * Checks a listener of a control plane as if it were written in a file. `Left`: each problem, in the
 * words of `pagoda check`.
 */
export function checkControlled(
  listener: WholeListener,
  own: ClusterNames,
  policies: PolicyRegistry,
): Either<readonly string[], Controlled> {
  const part = controlledPart(listener, own);
  const { problems, config } = examine(new ConfigDocument(JSON.stringify({ ...part, ...rest })), policies);
  const [translated] = config?.listeners ?? [];
  if (problems.length === 0 && config !== undefined && translated !== undefined)
    return right({ listener: translated, clusters: config.clusters });
  return left(
    problems.map(({ path, message }) =>
      path === ""
        ? `as part of a configuration, it ${message}`
        : `${path.replace("listeners[0].", "")}: ${message}`,
    ),
  );
}

/** What is wrong with routes, whichever listener uses them. */
export function routesProblems(routes: XdsRoutes, policies: PolicyRegistry): readonly string[] {
  const checked = checkControlled({ ...anyListener, routes }, new Map(), policies);
  return checked._tag === "Left" ? checked.left : [];
}

/** Why a listener cannot be served beside those of the file. */
export function listenerProblems(
  { routes, ...listener }: ListenerResource,
  config: Config,
  policies: PolicyRegistry,
): readonly string[] {
  const whole = { ...listener, routes: typeof routes === "string" ? noRoutes : routes };
  const checked = checkControlled(whole, clusterNames(config), policies);
  if (checked._tag === "Left") return checked.left;
  // It says that its secrets come on the same stream.
  if (listener.tls !== undefined && config.control.sds !== undefined)
    return ["transport_socket must be raw_buffer where secrets come from `control.sds`"];
  const clash = clashOf(checked.right.listener, config);
  return clash === undefined ? [] : [clash];
}

const noRoutes: XdsRoutes = { name: "", ignoresPort: false, virtualHosts: [], ignored: [] };
const anyListener: Omit<WholeListener, "routes"> = {
  name: "any",
  address: "127.0.0.1",
  port: 1,
  protocols: ["http1", "http2"],
  normalizesPaths: false,
  mergesSlashes: false,
  escapedSlashes: "keep",
  upgrades: [],
  ignored: [],
};

/** What a listener has in common with one of the file, or with the admin endpoint. */
export function clashOf(listener: ListenerConfig, { listeners, admin }: Config): string | undefined {
  const [name, address] = [listenerName(listener), addressText(listener.address)];
  if (listeners.some((own) => listenerName(own) === name))
    return `name must be one that no listener of the file has (got "${name}")`;
  const taken = [...listeners, admin].map((own) => addressText(own.address));
  if (listener.address.port === 0 || !taken.includes(address)) return undefined;
  return `address must be one that neither a listener of the file nor the admin endpoint has (got "${address}")`;
}

/** The clusters of a file that have their endpoints from the control plane. */
export function clusterNames({ clusters }: Config): ClusterNames {
  const named = Object.entries(clusters).flatMap(([name, { xds }]) =>
    xds === undefined ? [] : [[xds, name] as const],
  );
  return new Map(named);
}
