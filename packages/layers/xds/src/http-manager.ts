import { fromBinary } from "@bufbuild/protobuf";
import { type Any, EmptySchema } from "@bufbuild/protobuf/wkt";
import { isLeft, mustBe } from "@pagoda/core";
import type { HttpConnectionManager, HttpFilter } from "./generated/http_manager_pb.ts";
import { managerFields, routerFields } from "./listener-fields.ts";
import { routesOf, type XdsRoutes } from "./route-configuration.ts";
import { fieldName, skippedFields } from "./unknown-fields.ts";

/** How a listener reads requests, and where their routes come from. */
export interface HttpSettings {
  /** Default: both. */
  readonly protocols: readonly ("http1" | "http2")[];
  /** Whether dot segments and needless escapes are resolved before routes are matched. */
  readonly normalizesPaths: boolean;
  readonly mergesSlashes: boolean;
  readonly escapedSlashes: "keep" | "refuse" | "decode";
  /** Protocols that clients may upgrade to. */
  readonly upgrades: readonly string[];
  /** The routes, or the name of those that come on their own. */
  readonly routes: XdsRoutes | string;
}

const protocols: readonly (HttpSettings["protocols"] | undefined)[] = [
  ["http1", "http2"],
  ["http1"],
  ["http2"],
];
const slashes: readonly (HttpSettings["escapedSlashes"] | undefined)[] = [
  "keep",
  "keep",
  "refuse",
  undefined,
  "decode",
];
const slashNames = "IMPLEMENTATION_SPECIFIC_DEFAULT, KEEP_UNCHANGED, REJECT_REQUEST or UNESCAPE_AND_FORWARD";
const router = "envoy.extensions.filters.http.router.v3.Router";

/** Translates the filter that speaks HTTP. Undefined: it has no routes that can be used. */
export function httpSettingsOf(
  message: HttpConnectionManager,
  at: string,
  { problems, ignored }: { readonly problems: string[]; readonly ignored: Set<string> },
): HttpSettings | undefined {
  for (const name of skippedFields(message.$unknown, managerFields, at, problems)) ignored.add(name);
  const codec = protocols[message.codecType];
  if (codec === undefined)
    problems.push(mustBe(`${at}codec_type`, "AUTO, HTTP1 or HTTP2", message.codecType));
  const escapedSlashes = slashes[message.pathWithEscapedSlashesAction];
  if (escapedSlashes === undefined)
    problems.push(
      mustBe(`${at}path_with_escaped_slashes_action`, slashNames, message.pathWithEscapedSlashesAction),
    );
  const normalizesPaths = message.normalizePath ?? false;
  // What is not normalized is not rewritten here in other ways either.
  if (!normalizesPaths && message.mergeSlashes) problems.push(`${at}merge_slashes requires normalize_path`);
  if (!normalizesPaths && (escapedSlashes ?? "keep") !== "keep")
    problems.push(`${at}path_with_escaped_slashes_action requires normalize_path`);
  checkFilters(message.httpFilters, at, problems, ignored);
  const upgrades = message.upgradeConfigs.flatMap(({ upgradeType, filters, enabled }) => {
    if (filters.length > 0) problems.push(mustBe(`${at}upgrade_configs.filters`, "empty", upgradeType));
    return (enabled ?? true) ? [upgradeType.toLowerCase()] : [];
  });
  const routes = routesIn(message, at, problems);
  if (routes === undefined) return undefined;
  return {
    protocols: codec ?? ["http1", "http2"],
    normalizesPaths,
    mergesSlashes: message.mergeSlashes,
    escapedSlashes: escapedSlashes ?? "keep",
    upgrades,
    routes,
  };
}

function routesIn(
  { routeSpecifier: source }: HttpConnectionManager,
  at: string,
  problems: string[],
): HttpSettings["routes"] | undefined {
  if (source.case === "routeConfig") {
    const routes = routesOf(source.value);
    if (!isLeft(routes)) return routes.right;
    problems.push(...routes.left.map((problem) => `${at}route_config: ${problem}`));
    return undefined;
  }
  if (source.case !== "rds") {
    problems.push(
      mustBe(`${at}route_specifier`, "rds or route_config", source.case && fieldName(source.case)),
    );
    return undefined;
  }
  const { configSource, routeConfigName } = source.value;
  const from = configSource?.configSourceSpecifier.case;
  if (from !== "ads" && from !== "self")
    problems.push(mustBe(`${at}rds.config_source`, "ads or self", from && fieldName(from)));
  if (routeConfigName === "") problems.push(mustBe(`${at}rds.route_config_name`, "a name", undefined));
  return routeConfigName;
}

/** Filters may protect what is behind them, so only optional ones are left out. */
function checkFilters(
  filters: readonly HttpFilter[],
  at: string,
  problems: string[],
  ignored: Set<string>,
): void {
  for (const filter of filters.slice(0, isRouter(filters.at(-1)) ? -1 : undefined)) {
    if (filter.isOptional) ignored.add(`http_filters ${filter.name}`);
    else
      problems.push(
        mustBe(`${at}http_filters`, "the router alone, and optional ones", filter.name || typeOf(filter)),
      );
  }
  const last = filters.at(-1);
  if (last !== undefined && isRouter(last)) {
    const settings = fromBinary(EmptySchema, (last.configType.value as Any).value);
    const place = `${at}http_filters.router.`;
    for (const name of skippedFields(settings.$unknown, routerFields, place, problems)) ignored.add(name);
  } else problems.push(mustBe(`${at}http_filters`, "a list that ends with the router", last?.name));
}

function isRouter(filter: HttpFilter | undefined): boolean {
  return filter !== undefined && typeOf(filter) === router;
}

function typeOf({ configType }: HttpFilter): string {
  return configType.case === "typedConfig" ? configType.value.typeUrl.replace(/^.*\//, "") : "";
}
