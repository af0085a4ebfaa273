import type { LivePolicy } from "../../src/live/snapshot.ts";
import { isFailing } from "./failing.ts";
import { rate } from "./format.ts";
import type { Parts } from "./parts.ts";
import { settingsText } from "./settings-text.ts";

const limited = "RateLimited";

/** `: TimedOut 3/s; of its endpoints only http://10.0.0.7:80 fails`; empty if nothing is known. */
export function failureCause(parts: Parts, listener: string, route: string, now: number): string {
  const errors = errorsOf(parts, listener, route).filter(({ error }) => error !== limited);
  const names = errors.slice(0, 2).map(({ error, perSecond }) => `${error} ${rate(perSecond)}`);
  const clusters = clustersOf(parts, listener, route);
  const endpoints = (parts.clusters ?? [])
    .filter(({ cluster }) => clusters.includes(cluster))
    .flatMap(({ shown }) => shown);
  const failing = endpoints.filter((each) => isFailing(each, now));
  const [only] = failing;
  const culprit =
    only !== undefined && failing.length === 1 && endpoints.length > 1
      ? [`of its endpoints only ${only.endpoint} fails`]
      : [];
  const cause = [...(names.length === 0 ? [] : [names.join(", ")]), ...culprit].join("; ");
  return cause === "" ? "" : `: ${cause}`;
}

/** `: \`rateLimit\` of the route (global: 5/s)`, or the origin that refuses; empty if nothing is known. */
export function refusalCause(parts: Parts, listener: string, route: string): string {
  const errors = errorsOf(parts, listener, route);
  if (errors.some(({ error }) => error === limited)) {
    const stack = parts.stack?.listeners.find((each) => each.listener === listener);
    const its = stack?.routes.find((each) => each.route === route);
    const limits = [
      ...limitsOf(its?.policies, "the route"),
      ...limitsOf(stack?.policies, "the listener"),
    ].join(" or ");
    return limits === "" ? ": rate limit of the proxy" : `: ${limits}`;
  }
  if (errors.length > 0)
    return `: ${errors
      .slice(0, 2)
      .map(({ error }) => error)
      .join(", ")}`;
  const clusters = clustersOf(parts, listener, route);
  const origins = (parts.figures?.endpoints ?? [])
    .filter(({ cluster, refusedPerSecond }) => clusters.includes(cluster) && refusedPerSecond > 0)
    .map(({ endpoint }) => endpoint);
  return origins.length === 0 || origins.length > 2 ? "" : `: by the origin ${origins.join(", ")}`;
}

function limitsOf(policies: readonly LivePolicy[] = [], of: string): readonly string[] {
  return policies.flatMap(({ policy, settings }) =>
    policy === "rateLimit" ? [`\`rateLimit\` of ${of} (${settingsText(settings)})`] : [],
  );
}

function errorsOf({ figures }: Parts, listener: string, route: string) {
  return (figures?.errors ?? []).filter((each) => each.listener === listener && each.route === route);
}

function clustersOf({ stack }: Parts, listener: string, route: string): readonly string[] {
  const its = stack?.listeners
    .find((each) => each.listener === listener)
    ?.routes.find((each) => each.route === route);
  return its?.clusters.map(({ cluster }) => cluster) ?? [];
}
