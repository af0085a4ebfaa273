import type { Duration } from "@bufbuild/protobuf/wkt";
import { mustBe } from "@pagoda/core";
import type { RouteAction } from "./generated/route_pb.ts";
import { clusterWeightFields, routeActionFields, weightedClusterFields } from "./route-fields.ts";
import type { XdsMatch } from "./route-match.ts";
import { retryOf, type XdsRetry } from "./route-retry.ts";
import { fieldName, skippedFields } from "./unknown-fields.ts";

export type { XdsRetry } from "./route-retry.ts";

/** Forwards a request. */
export interface ForwardingAction {
  readonly cluster?: string;
  readonly clusters?: readonly { readonly cluster: string; readonly weight: number }[];
  readonly rewrite?: Rewrite;
  /** Milliseconds; 0 for no limit. */
  readonly timeoutMs: number;
  readonly retry?: XdsRetry;
}

export interface Rewrite {
  readonly host?: string;
  readonly path?: string;
  /** Replaces the matched prefix. */
  readonly prefix?: string;
  /** Applied if the pattern matches the whole path. */
  readonly regex?: { readonly pattern: string; readonly substitution: string };
}

interface Reading {
  readonly problems: string[];
  readonly ignored: Set<string>;
}

/** Envoy's. */
const defaultTimeoutMs = 15_000;

/** Translates a route's way to its cluster. */
export function forwardingOf(
  message: RouteAction,
  match: XdsMatch,
  at: string,
  reading: Reading,
): ForwardingAction {
  for (const name of skippedFields(message.$unknown, routeActionFields, at, reading.problems))
    reading.ignored.add(name);
  const rewrite = rewriteOf(message, match, at, reading.problems);
  const { timeout, retryPolicy } = message;
  return {
    ...targetOf(message, at, reading.problems),
    ...(Object.keys(rewrite).length > 0 && { rewrite }),
    timeoutMs: timeout === undefined ? defaultTimeoutMs : msOf(timeout),
    ...(retryPolicy !== undefined && { retry: retryOf(retryPolicy, `${at}retry_policy.`, reading) }),
  };
}

function targetOf(
  { clusterSpecifier: target }: RouteAction,
  at: string,
  problems: string[],
): Pick<ForwardingAction, "cluster" | "clusters"> {
  if (target.case === "cluster") return { cluster: target.value };
  if (target.case !== "weightedClusters") {
    problems.push(
      mustBe(`${at}cluster_specifier`, "cluster or weighted_clusters", target.case && fieldName(target.case)),
    );
    return {};
  }
  const place = `${at}weighted_clusters.`;
  skippedFields(target.value.$unknown, weightedClusterFields, place, problems);
  const clusters = target.value.clusters.map(({ name: cluster, weight = 0, $unknown }, n) => {
    skippedFields($unknown, clusterWeightFields, `${place}clusters[${n}].`, problems);
    return { cluster, weight };
  });
  const used = clusters.filter(({ weight }) => weight > 0);
  if (used.length === 0)
    problems.push(mustBe(`${place}clusters`, "at least one with a weight above 0", undefined));
  return { clusters: used };
}

function rewriteOf(message: RouteAction, match: XdsMatch, at: string, problems: string[]): Rewrite {
  const { prefixRewrite, regexRewrite, hostRewriteSpecifier: host } = message;
  if (host.case !== undefined && host.case !== "hostRewriteLiteral")
    problems.push(`${at}${fieldName(host.case)} must be absent`);
  return {
    ...(host.case === "hostRewriteLiteral" && { host: host.value }),
    ...(prefixRewrite !== "" && prefixOr(prefixRewrite, match)),
    ...(regexRewrite !== undefined && {
      regex: substitutionOf(
        regexRewrite.pattern?.regex ?? "",
        regexRewrite.substitution,
        `${at}regex_rewrite.`,
        problems,
      ),
    }),
  };
}

/** What replaces the matched prefix; of any other match the whole path is replaced. */
export function prefixOr(
  text: string,
  { path }: XdsMatch,
): { readonly prefix: string } | { readonly path: string } {
  return "prefix" in path || "startsWith" in path ? { prefix: text } : { path: text };
}

function substitutionOf(
  regex: string,
  substitution: string,
  at: string,
  problems: string[],
): NonNullable<Rewrite["regex"]> {
  // Envoy replaces every part that matches. For a whole path both are the same.
  if (
    !regex.startsWith("^") ||
    !/(?<!\\)(?:\\\\)*(?:\$|\.\*|\(\.\*\))$/.test(regex) ||
    hasAlternatives(regex)
  )
    problems.push(mustBe(`${at}pattern`, "one for the whole path, from ^ to $ or .*", regex));
  const pattern = regex.replace(/^\^/, "").replace(/\$$/, "");
  return {
    pattern,
    substitution: substitution.replaceAll(/\\(\d)|\\\\|\$/g, (text, group?: string) =>
      group === undefined ? (text === "$" ? "$$" : "\\") : `$${group}`,
    ),
  };
}

/** Whether a pattern is a choice as a whole: `^` and `$` do not belong to both parts of `^a|b$`. */
function hasAlternatives(regex: string): boolean {
  let depth = 0;
  for (const [sign] of regex.replaceAll(/\\.|\[[^\]]*\]/gs, "").matchAll(/[()|]/g)) {
    if (sign === "|" && depth === 0) return true;
    depth += sign === "(" ? 1 : sign === ")" ? -1 : 0;
  }
  return false;
}

export function msOf({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1_000 + Math.round(nanos / 1e6);
}
