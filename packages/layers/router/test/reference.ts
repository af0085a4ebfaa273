import type { HttpRequest } from "@pagoda/http";
import type { FieldMatch, PathMatch, Route, RouteMatch, RouteTableOptions } from "@pagoda/router";

/** Naive implementation of the table: the first match in order of precedence. */
export function findNaively(
  routes: readonly Route[],
  request: HttpRequest,
  { order = "specific", hostPorts = "ignore" }: RouteTableOptions = {},
): string | undefined {
  const authority = request.authority.toLowerCase();
  const host = hostPorts === "match" ? authority : authority.replace(/:\d+$/, "").replace(/\.$/, "");
  const all = routes.flatMap((route) =>
    (route.match === undefined ? [{}] : ([route.match].flat() as RouteMatch[])).flatMap((match) =>
      (match.hosts ?? [undefined]).map((wanted) => ({
        name: route.name,
        match,
        host: wanted?.toLowerCase(),
      })),
    ),
  );
  const sorted = all.toSorted((a, b) => {
    const [x, y] = [a, b].map((each) => keys(each).slice(0, order === "first" ? 1 : undefined)) as [
      number[],
      number[],
    ];
    const differs = x.findIndex((key, n) => key !== y[n]);
    return differs === -1 ? 0 : (y[differs] as number) - (x[differs] as number);
  });
  return sorted.find(({ match, host: wanted }) => hostFits(wanted, host) && fits(match, request))?.name;
}

/** Most significant first; higher ranks take precedence. */
function keys({
  host,
  match,
}: {
  readonly host: string | undefined;
  readonly match: RouteMatch;
}): readonly number[] {
  const { path = { prefix: "/" }, methods, headers = [], query = [] } = match;
  const kind = "exact" in path ? 2 : "prefix" in path || "startsWith" in path ? 0 : 1;
  const text = textOf(path);
  return [
    hostRank(host),
    kind,
    text.length,
    "pattern" in path ? path.pattern.replaceAll(/:\w+/g, "").length : text.length,
    methods === undefined ? 0 : 1,
    headers.length,
    query.length,
  ];
}

function hostRank(host: string | undefined): number {
  if (host === undefined) return 0;
  return host.startsWith("*") ? 1_000 + host.length : host.endsWith("*") ? host.length : 10_000;
}

function textOf(path: PathMatch): string {
  if ("startsWith" in path) return path.startsWith;
  if ("exact" in path) return path.exact;
  if ("prefix" in path) return path.prefix.replace(/\/$/, "");
  return "pattern" in path ? path.pattern.replace(/:.*/, "") : literalOf(path.regex);
}

function literalOf(regex: string): string {
  return /^(?:[\w/](?![*+?{]))*/.exec(regex)?.[0] ?? "";
}

function hostFits(wanted: string | undefined, host: string): boolean {
  if (wanted === undefined || wanted === host) return true;
  if (wanted.endsWith("*")) return host.startsWith(wanted.slice(0, -1)) && host.length >= wanted.length;
  return wanted.startsWith("*") && host.endsWith(wanted.slice(1)) && host.length >= wanted.length;
}

function fits({ path, methods, headers = [], query = [] }: RouteMatch, request: HttpRequest): boolean {
  const parameters = new URLSearchParams(request.query);
  return (
    (path === undefined || pathFits(path, request.path)) &&
    (methods?.includes(request.method) ?? true) &&
    headers.every((field) => fieldFits(field, request.headers.all(field.name).join(", ") || undefined)) &&
    query.every((field) => fieldFits(field, parameters.get(field.name) ?? undefined))
  );
}

function pathFits(wanted: NonNullable<RouteMatch["path"]>, path: string): boolean {
  if ("exact" in wanted) return wanted.exact === path;
  if ("pattern" in wanted) {
    const segments = wanted.pattern.split("/");
    const given = path.split("/");
    return (
      given.length === segments.length &&
      segments.every((segment, n) => (segment.startsWith(":") ? given[n] !== "" : given[n] === segment))
    );
  }
  if ("regex" in wanted) return new RegExp(`^(?:${wanted.regex})$`).test(path);
  if ("startsWith" in wanted) return path.startsWith(wanted.startsWith);
  const prefix = wanted.prefix.replace(/\/$/, "");
  return path === prefix || path.startsWith(`${prefix}/`);
}

function fieldFits(field: FieldMatch, value: string | undefined): boolean {
  if ("exact" in field) return value === field.exact;
  if ("contains" in field) return value?.includes(field.contains) ?? false;
  if ("regex" in field) return value !== undefined && new RegExp(`^(?:${field.regex})$`).test(value);
  return "present" in field ? value !== undefined : value === undefined;
}
