import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Either, left, mustBe, right } from "@pagoda/core";
import {
  FilterConfigSchema,
  type Route,
  type RouteConfiguration,
  type VirtualHost,
} from "./generated/route_pb.ts";
import { editsOf } from "./header-edits.ts";
import type { HeaderEdits } from "./header-edits.ts";
import { forwardingOf, type ForwardingAction, type XdsRetry } from "./route-action.ts";
import { type DirectResponse, directResponseOf, type Redirect, redirectOf } from "./route-answer.ts";
import { routeConfigurationFields, routeFields, virtualHostFields } from "./route-fields.ts";
import { matchOf, type XdsMatch } from "./route-match.ts";
import { retryOf } from "./route-retry.ts";
import { fieldName, skippedFields } from "./unknown-fields.ts";

/** The routes of a listener, in the terms of `@pagoda/router`. */
export interface XdsRoutes {
  readonly name: string;
  /** Whether domains are compared without the port of the request. */
  readonly ignoresPort: boolean;
  readonly virtualHosts: readonly XdsVirtualHost[];
  /** Settings that have no effect here, by their names. */
  readonly ignored: readonly string[];
}

/** Routes for some hosts. The one with the most specific domain takes a request, for good. */
export interface XdsVirtualHost {
  readonly name: string;
  /** `shop.example`, `shop.example:8080`, `*.example`, `shop.*` or `*`. */
  readonly domains: readonly string[];
  /** The first that matches takes the request. */
  readonly routes: readonly XdsRoute[];
}

export interface XdsRoute extends Partial<ForwardingAction> {
  /** Empty if it has none. */
  readonly name: string;
  readonly match: XdsMatch;
  readonly redirect?: Redirect;
  readonly respond?: DirectResponse;
  readonly requestHeaders?: HeaderEdits;
  readonly responseHeaders?: HeaderEdits;
}

/** What problems are found in. */
interface Reading {
  readonly problems: string[];
  readonly ignored: Set<string>;
}

/**
 * Each route is compiled for each domain of its virtual host. Without a limit, a few kilobytes could
 * occupy a process for half a minute.
 */
const maxPairs = 100_000;

const domain = /^(?:\*|(?:\*\.)?[^*]+|[^*]+\.\*)$/;

/**
 * Validates and translates routes. What decides where a request goes or what happens to it is never
 * skipped. `Left`: each problem with its field.
 */
export function routesOf(message: RouteConfiguration): Either<readonly string[], XdsRoutes> {
  const reading: Reading = { problems: [], ignored: new Set() };
  const { name, virtualHosts, ignorePortInHostMatching: ignoresPort } = message;
  skip(reading, skippedFields(message.$unknown, routeConfigurationFields, "", reading.problems));
  checkFilters(message.typedPerFilterConfig, "", reading);
  const pairs = virtualHosts.reduce((sum, host) => sum + host.domains.length * host.routes.length, 0);
  if (pairs > maxPairs)
    return left([mustBe("virtual_hosts", `at most ${maxPairs} pairs of a domain and a route`, pairs)]);
  const domains = new Set<string>();
  const hosts = virtualHosts.map((host, at) => {
    const place = host.name === "" ? `virtual_hosts[${at}]` : `virtual host ${JSON.stringify(host.name)}`;
    for (const each of host.domains) {
      const key = each.toLowerCase();
      if (!domain.test(each))
        reading.problems.push(mustBe(`${place}: domains`, "hosts, *.HOST, HOST.* or *", each));
      else if (domains.has(key))
        reading.problems.push(mustBe(`${place}: domains`, "hosts of no other virtual host", each));
      domains.add(key);
    }
    if (host.domains.length === 0)
      reading.problems.push(mustBe(`${place}: domains`, "at least one", undefined));
    return virtualHostOf(host, message, `${place}: `, reading);
  });
  if (reading.problems.length > 0) return left(reading.problems);
  return right({ name, ignoresPort, virtualHosts: hosts, ignored: [...reading.ignored] });
}

function virtualHostOf(
  host: VirtualHost,
  outer: RouteConfiguration,
  at: string,
  reading: Reading,
): XdsVirtualHost {
  const { problems } = reading;
  skip(reading, skippedFields(host.$unknown, virtualHostFields, at, problems));
  checkFilters(host.typedPerFilterConfig, at, reading);
  const retry = host.retryPolicy && retryOf(host.retryPolicy, `${at}retry_policy.`, reading);
  const routes = host.routes.map((route, n) =>
    routeOf(route, { host, outer, retry }, `${at}routes[${n}].`, reading),
  );
  return { name: host.name, domains: host.domains, routes };
}

interface Around {
  readonly host: VirtualHost;
  readonly outer: RouteConfiguration;
  /** That of the virtual host, for routes without. */
  readonly retry: XdsRetry | undefined;
}

function routeOf(route: Route, { host, outer, retry }: Around, at: string, reading: Reading): XdsRoute {
  const { problems } = reading;
  skip(reading, skippedFields(route.$unknown, routeFields, at, problems));
  checkFilters(route.typedPerFilterConfig, at, reading);
  const match = matchOf(route.match, replacesPrefix(route), `${at}match.`, problems);
  const levels = [route, host, outer];
  const request = editsOf(
    levels.map((each) => ({ add: each.requestHeadersToAdd, remove: each.requestHeadersToRemove })),
    `${at}request_headers_to_add`,
    problems,
  );
  const response = editsOf(
    levels.map((each) => ({ add: each.responseHeadersToAdd, remove: each.responseHeadersToRemove })),
    `${at}response_headers_to_add`,
    problems,
  );
  const base = {
    name: route.name,
    match,
    ...(response && { responseHeaders: response }),
  };
  const { action } = route;
  if (action.case === "route") {
    const forwarding = forwardingOf(action.value, match, `${at}route.`, reading);
    return { ...base, ...(retry && { retry }), ...forwarding, ...(request && { requestHeaders: request }) };
  }
  if (action.case === "redirect")
    return { ...base, redirect: redirectOf(action.value, match, `${at}redirect.`, problems) };
  if (action.case === "directResponse")
    return { ...base, respond: directResponseOf(action.value, `${at}direct_response.`, problems) };
  problems.push(
    mustBe(`${at}action`, "route, redirect or direct_response", action.case && fieldName(action.case)),
  );
  return base;
}

function replacesPrefix({ action: { case: kind, value } }: Route): boolean {
  if (kind === "route") return value.prefixRewrite !== "";
  return kind === "redirect" && value.pathRewriteSpecifier.case === "prefixRewrite";
}

/** Settings of filters, which this package does not have: only optional ones may be skipped. */
function checkFilters(configs: Readonly<Record<string, Any>>, at: string, reading: Reading): void {
  for (const [name, any] of Object.entries(configs)) {
    if (isOptional(any)) reading.ignored.add("typed_per_filter_config");
    else reading.problems.push(`${at}typed_per_filter_config.${name} must be absent or is_optional`);
  }
}

function isOptional(any: Any): boolean {
  if (!any.typeUrl.endsWith("/envoy.config.route.v3.FilterConfig")) return false;
  try {
    return fromBinary(FilterConfigSchema, any.value).isOptional;
  } catch {
    return false;
  }
}

function skip({ ignored }: Reading, names: readonly string[]): void {
  for (const name of names) ignored.add(name);
}
