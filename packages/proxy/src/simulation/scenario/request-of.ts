import { HttpHeaders, httpRequest, type HttpRequest } from "@pagoda/http";
import type { ListenerConfig } from "../../config/schema/config.ts";
import type { RouteConfig } from "../../config/schema/route.ts";
import type { Load } from "./schema.ts";

type Match = Exclude<NonNullable<RouteConfig["match"]>, readonly unknown[]>;
type Field = NonNullable<Match["headers"]>[number];

/** Returns a request that a route is likely to take: the parts of its first match, unless `load` gives them. */
export function requestOf(
  load: Load,
  { match }: RouteConfig,
  { tls }: Pick<ListenerConfig, "tls">,
): HttpRequest {
  const first: Match = (Array.isArray(match) ? match[0] : match) ?? {};
  const host = load.host ?? hostIn(first.hosts?.[0] ?? "simulated.example");
  const path = load.path ?? `${pathIn(first.path)}${queryIn(first.query)}`;
  const headers = HttpHeaders.of([...fieldsIn(first.headers), ...Object.entries(load.headers ?? {})]);
  const scheme = tls === undefined ? "http" : "https";
  const method = load.method ?? first.methods?.[0] ?? "GET";
  const at = path.indexOf("?");
  return {
    ...httpRequest(`${scheme}://simulated.example/`, { method, headers }),
    authority: host,
    path: at === -1 ? path : path.slice(0, at),
    query: at === -1 ? "" : path.slice(at),
  };
}

function hostIn(host: string): string {
  return host.replace(/^\*\./, "any.");
}

function pathIn(path: Match["path"]): string {
  if (path === undefined) return "/";
  if (typeof path === "string") return path;
  const { exact, prefix, pattern } = path;
  return exact ?? prefix ?? pattern?.replaceAll(/:\w+/g, "1") ?? "/";
}

function queryIn(query: readonly Field[] = []): string {
  const pairs = fieldsIn(query).map((pair) => pair.map(encodeURIComponent).join("="));
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** Fields that must be absent or match an expression are left out. */
function fieldsIn(fields: readonly Field[] = []): [string, string][] {
  return fields.flatMap(({ name, exact, contains, present }): [string, string][] => {
    const value = exact ?? contains ?? (present === true ? "1" : undefined);
    return value === undefined ? [] : [[name, value]];
  });
}
