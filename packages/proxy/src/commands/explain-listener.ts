import { NetworkSet, right, service } from "@pagoda/core";
import {
  type FromClient,
  type HttpRequest,
  httpResponse,
  type Identified,
  type Peer,
  protocolsOf,
} from "@pagoda/http";
import { forwarded } from "@pagoda/forwarded";
import {
  type Explanation,
  type MatchExplanation,
  type Routed,
  router,
  type RouteTable,
  routeTable,
} from "@pagoda/router";
import { publicConfig } from "../config/resolved.ts";
import { toTableOptions, toRoute } from "../config/routes.ts";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import type { Config, ConfigInput, ListenerConfig } from "../config/schema/config.ts";
import type { AnyPolicy, Verdict } from "../policies/policy.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import { errorText } from "../policies/run-policy.ts";
import { configured, type SettingsOf, type Stack } from "../policies/stack.ts";
import { listenerName } from "../config/names.ts";
import { lostTexts } from "../config/route-texts.ts";
import { defaultsOf, settingLines, settingText } from "./explain-settings.ts";

/** A request as a listener receives it. */
type Arriving = HttpRequest & { readonly peer: Peer };
type Seen = HttpRequest & Identified & FromClient;
type ClusterInput = NonNullable<ConfigInput["clusters"]>[string];
type Say = (depth: number, text: string) => void;

/** A configuration, and the policies of its proxy. */
export interface Explained {
  readonly config: Config;
  readonly policies: PolicyRegistry;
}

/**
 * Explains how one listener handles the request, line by line and in order.
 */
export async function explainListener(subject: Explained, at: number, arriving: Arriving): Promise<string> {
  const lines: string[] = [];
  const say: Say = (depth, text) => void lines.push(`${"  ".repeat(depth)}${text}`);
  await explainAt(subject, at, arriving, say);
  return `${lines.join("\n")}\n`;
}

async function explainAt(
  { config, policies }: Explained,
  at: number,
  arriving: Arriving,
  say: Say,
): Promise<void> {
  const listener = config.listeners[at] as ListenerConfig;
  // In file format, with units.
  const { listeners = [], clusters = {} } = publicConfig(config, policies);
  const shown = listeners[at] as (typeof listeners)[number];
  const defaults = defaultsOf(policies);
  say(0, `listener ${listenerName(listener)}`);
  for (const line of settingLines("listener", shown, defaults)) say(1, line);
  const trusted = new NetworkSet(listener.trustedProxies ?? []);
  const admitted = atHandshake(listener, arriving, say);
  if (admitted === undefined || !sayTunnel(listener, admitted, say)) return;
  const seen = await identified(admitted, trusted);
  sayClient(seen, admitted, trusted.has(admitted.peer.address), say);
  if (!sayPolicies(policies.listener, listener.policies, shown.policies, seen, say)) return;

  const table = routeTable(listener.routes.map(toRoute), toTableOptions(listener));
  const explanation = table.explain(seen);
  const n = listener.routes.findIndex(({ name }) => name === explanation.route);
  const route = listener.routes[n];
  if (route === undefined) {
    const { refused } = explanation;
    say(1, refused === undefined ? "no route: 404" : `the path is refused: ${refused}`);
    return sayOthers(explanation, say);
  }
  say(1, `route ${route.name}`);
  sayOthers(explanation, say);
  const shownRoute = shown.routes[n] as (typeof shown.routes)[number];
  for (const line of settingLines("route", shownRoute, defaults)) say(2, line);
  const { redirect, respond } = shownRoute;
  if (redirect !== undefined) return say(1, `redirect ${JSON.stringify(redirect)}`);
  if (respond !== undefined) return say(1, `respond ${respond.status}`);
  const onRoute = await routed(seen, table);
  if (!sayPolicies(policies.route, route.policies, shownRoute.policies, onRoute, say)) return;
  const shares = explanation.matches.find(({ matched }) => matched)?.clusters ?? [];
  for (const { cluster, share } of shares) {
    say(1, `cluster ${cluster}${share < 1 ? ` (${Number((share * 100).toFixed(2))}% of the calls)` : ""}`);
    const settings = config.clusters[cluster] as ClusterConfig;
    const written = clusters[cluster] as (typeof clusters)[string];
    sayCluster(written, say);
    for (const line of settingLines("cluster", written, defaults)) say(2, line);
    for (const stack of [policies.cluster, policies.endpoint])
      sayPolicies<Stack>(stack, settings.policies, written.policies, onRoute, say);
  }
}

/** Whether a request proceeds, with or without the tunnel that it requests. */
function sayTunnel({ upgrades }: ListenerConfig, { method, headers }: Arriving, say: Say): boolean {
  const named = (protocol: string): boolean =>
    upgrades.some((each) => each.toLowerCase() === protocol.toLowerCase());
  if (method === "CONNECT" && !named("connect")) {
    say(1, "CONNECT is refused with 501: `upgrades` does not include connect");
    return false;
  }
  for (const protocol of protocolsOf(headers.all("upgrade").join(",")))
    say(
      1,
      named(protocol)
        ? `upgrade to ${protocol} if the origin accepts it`
        : `upgrade to ${protocol} ignored: \`upgrades\` does not include it`,
    );
  return true;
}

/** How a listener's TLS treats a request; undefined if the handshake fails. */
function atHandshake({ tls }: ListenerConfig, arriving: Arriving, say: Say): Arriving | undefined {
  const { identity, certificate: _, ...bare } = arriving.peer;
  const request: Arriving = { ...arriving, scheme: tls === undefined ? "http" : "https" };
  if (identity !== undefined && tls?.clients === undefined) {
    say(1, "identity ignored: this listener does not request client certificates");
    return { ...request, peer: bare };
  }
  if (identity === undefined && tls?.clients?.required === true) {
    say(1, "TLS handshake fails: a client certificate is required");
    return undefined;
  }
  return request;
}

/**
 * The request as seen inside the layer that identifies the client. Uses the proxy's own layer, so
 * that both agree.
 */
async function identified(request: Arriving, trusted: NetworkSet): Promise<Seen> {
  let seen: Seen | undefined;
  const inner = service("explain", async (each: Seen) => {
    seen = each;
    return right(httpResponse(200));
  });
  await forwarded({ trust: (address) => trusted.has(address) })(inner).call(request);
  return seen as Seen;
}

/** The request as seen inside the router, with its route and with the path and host to send. */
async function routed(request: Seen, table: RouteTable): Promise<Seen & Routed> {
  let seen: (Seen & Routed) | undefined;
  const inner = service("explain", async (each: Seen & Routed) => {
    seen = each;
    return right(httpResponse(200));
  });
  await router(table)(inner).call(request);
  return seen as Seen & Routed;
}

function sayClient({ client }: Seen, { peer, headers }: Arriving, isTrusted: boolean, say: Say): void {
  const { address } = peer;
  const who = `client ${client.address}${client.identity === undefined ? "" : `, ${client.identity}`}`;
  if (!headers.has("x-forwarded-for")) return say(1, who);
  if (!isTrusted) return say(1, `${who}; its X-Forwarded-For is ignored: ${address} is not a trusted proxy`);
  const identity = peer.identity === undefined ? "" : "; its certificate is not the client's";
  say(1, `${who}, via the trusted proxy ${address}${identity}`);
}

function sayCluster({ endpoints, dns, srv, kubernetes, xds, file, balance }: ClusterInput, say: Say): void {
  const source =
    endpoints?.map((each) => (typeof each === "string" ? each : each.url)) ??
    dns ??
    srv ??
    kubernetes ??
    (xds === undefined ? file : { xds });
  const strategy = typeof balance === "object" ? balance.strategy : balance;
  say(2, `${strategy} over ${JSON.stringify(source)}`);
}

/**
 * The configured policies, each with its effect on the request or its settings.
 *
 * @param shown The settings in file format, with units.
 * @returns Whether the request passes them all.
 */
function sayPolicies<S extends Stack>(
  stack: S,
  settings: SettingsOf<S>,
  shown: Readonly<Record<string, unknown>> | undefined,
  request: Seen,
  say: Say,
): boolean {
  for (const [policy, its] of configured(stack, settings)) {
    const verdict = verdictOf(policy, its, request);
    const written = shown?.[policy.name];
    say(2, `${policy.name}: ${verdict?.text ?? settingText(written)}`);
    if (verdict?.passes === false) return false;
  }
  return true;
}

/** Undefined if the policy has no explanation. */
function verdictOf(policy: AnyPolicy, settings: unknown, request: Seen): Verdict | undefined {
  try {
    return policy.explain?.(settings, request);
  } catch (error) {
    return { text: `explain failed: ${errorText(error)}`, passes: true };
  }
}

/** Routes of higher precedence that do not match, and matching ones of lower precedence. */
function sayOthers({ matches, route }: Explanation, say: Say): void {
  const first = matches.findIndex(({ matched }) => matched);
  for (const match of first < 0 ? matches : matches.slice(0, first))
    say(2, `not ${match.route}: ${mismatchText(match)}`);
  for (const { route: name, lostBy } of matches)
    if (lostBy !== undefined && name !== route) say(2, `not ${name}: also matches, but ${lostTexts[lostBy]}`);
}

function mismatchText({ mismatch }: MatchExplanation): string {
  if (mismatch === undefined) return "does not match";
  const { what, name, wanted, found } = mismatch;
  // The expected value may be a secret.
  const isShown = (what !== "header" && what !== "query") || wanted === "present" || wanted === "absent";
  const shown = isShown ? wanted : `${wanted.split(" ", 1)[0]} (not shown)`;
  return `${what}${name === undefined ? "" : ` ${name}`} is ${found === undefined ? "absent" : `"${found}"`}, not ${shown}`;
}
