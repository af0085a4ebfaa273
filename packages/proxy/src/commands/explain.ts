import { explain as explainRules, type Rule } from "@pagoda/authorize";
import { type FromClient, HttpHeaders, httpRequest, type HttpRequest } from "@pagoda/core/http";
import { type Explanation, type MatchExplanation, routeTable } from "@pagoda/router";
import { isLeft } from "fp-ts/lib/Either.js";
import type { z } from "zod";
import { loadConfig } from "../config/load.ts";
import { toPathOptions, toRoute } from "../config/routes.ts";
import type { cluster } from "../config/schema/cluster.ts";
import { type Config, type ListenerConfig, written } from "../config/schema/config.ts";
import type { AuthorizePolicy } from "../config/schema/policies.ts";
import { listenerName } from "../data-plane/shared-limits.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

const options = {
  config: { type: "string", short: "c" },
  header: { type: "string", short: "H", multiple: true },
  from: { type: "string" },
  identity: { type: "string" },
} as const;

/** `pagoda explain`: which way a request would take, and why not another. */
export const explain: Command = {
  usage: "explain [-c FILE] METHOD URL [-H 'NAME: VALUE']... [--from ADDRESS] [--identity ID]",
  about: "Says which route, cluster and policies a request would meet, and why the others did not match.",
  async run(args, io) {
    const flags = parsed(args, options);
    if (typeof flags === "string") return wrong(io, flags);
    const [method, url, unexpected] = flags.positionals;
    if (method === undefined || url === undefined || unexpected !== undefined)
      return wrong(io, "valid is a method and a URL, such as GET http://shop.example/cart");
    const request = requestOf(method, url, flags.values);
    if (typeof request === "string") return wrong(io, request);
    const loaded = await loadConfig({ file: flags.values.config, env: io.env });
    if (isLeft(loaded)) {
      for (const problem of loaded.left) io.stderr(`${problem}\n`);
      return usageError;
    }
    const { config } = loaded.right;
    io.stdout(config.listeners.map((_listener, at) => explained(config, at, request)).join("\n"));
    return 0;
  },
};

type Request = HttpRequest & FromClient;

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda explain: ${message}; see pagoda --help\n`);
  return usageError;
}

function requestOf(
  method: string,
  url: string,
  {
    header = [],
    from = "127.0.0.1",
    identity,
  }: { readonly header?: readonly string[]; readonly from?: string; readonly identity?: string },
): Request | string {
  const fields: [string, string][] = [];
  for (const each of header) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(each) ?? [];
    if (name === undefined || value === undefined) return `-H is "${each}"; valid is 'NAME: VALUE'`;
    fields.push([name, value]);
  }
  if (!URL.canParse(url) || !/^https?:/.test(url))
    return `the URL is "${url}"; valid is an absolute one, such as http://shop.example/cart`;
  return {
    ...httpRequest(url, { method, headers: HttpHeaders.of(fields) }),
    client: { address: from, identity },
    peer: { address: from, port: 0, identity },
  };
}

/** What happens at one listener, line by line, in the order in which the request meets it. */
function explained(config: Config, at: number, request: Request): string {
  const listener = config.listeners[at] as ListenerConfig;
  // As people write it, with units.
  const { listeners, clusters = {} } = written(config);
  const shown = listeners[at] as (typeof listeners)[number];
  const lines: string[] = [];
  const say = (depth: number, text: string): void => void lines.push(`${"  ".repeat(depth)}${text}`);
  say(0, `listener ${listenerName(listener)}`);
  if (!passes(listener.policies.authorize, request, say)) return `${lines.join("\n")}\n`;
  sayPolicies(shown.policies, say);

  const explanation = routeTable(listener.routes.map(toRoute), toPathOptions(listener)).explain(request);
  const n = listener.routes.findIndex(({ name }) => name === explanation.route);
  const route = listener.routes[n];
  if (route === undefined) {
    say(
      1,
      explanation.refused === undefined ? "no route: 404" : `the path is refused: ${explanation.refused}`,
    );
    sayOthers(explanation, say);
    return `${lines.join("\n")}\n`;
  }
  say(1, `route ${route.name}`);
  sayOthers(explanation, say);
  if (route.redirect !== undefined) say(1, `redirect ${JSON.stringify(route.redirect)}`);
  else if (route.respond !== undefined) say(1, `respond ${route.respond.status}`);
  else if (passes(route.policies.authorize, { ...request, route: { name: route.name } } as Request, say)) {
    sayPolicies(shown.routes[n]?.policies, say);
    const shares = explanation.matches.find(({ matched }) => matched)?.clusters ?? [];
    for (const { cluster, share } of shares) {
      say(1, `cluster ${cluster}${share < 1 ? ` (${Number((share * 100).toFixed(2))}% of the calls)` : ""}`);
      sayCluster(clusters[cluster] as (typeof clusters)[string], say);
    }
  }
  return `${lines.join("\n")}\n`;
}

type Say = (depth: number, text: string) => void;

function passes(policy: AuthorizePolicy | undefined, request: Request, say: Say): boolean {
  if (policy === undefined) return true;
  const { allowed, rule } = explainRules(
    { rules: policy.rules as readonly Rule[], otherwise: policy.otherwise },
    request,
  );
  say(2, `authorize: ${allowed ? "allowed" : "denied: 403"}, by ${rule}`);
  return allowed;
}

function sayCluster(
  { endpoints, dns, srv, file, balance, policies }: z.input<typeof cluster>,
  say: Say,
): void {
  const source = endpoints?.map((each) => (typeof each === "string" ? each : each.url)) ?? dns ?? srv ?? file;
  const strategy = typeof balance === "object" ? balance.strategy : balance;
  say(2, `${strategy} over ${JSON.stringify(source)}`);
  sayPolicies(policies, say);
}

/** The policies that there are, each with what it says. */
function sayPolicies(policies: Readonly<Record<string, unknown>> | undefined, say: Say): void {
  for (const [name, policy] of Object.entries(policies ?? {}))
    if (policy !== undefined && name !== "authorize")
      say(2, `${name}: ${typeof policy === "string" ? policy : JSON.stringify(policy)}`);
}

function sayOthers({ matches }: Explanation, say: Say): void {
  for (const match of matches) {
    if (match.matched) break;
    say(2, `not ${match.route}: ${mismatchText(match)}`);
  }
}

function mismatchText({ mismatch }: MatchExplanation): string {
  if (mismatch === undefined) return "it did not match";
  const { what, name, wanted, found } = mismatch;
  return `${what}${name === undefined ? "" : ` ${name}`} is ${found === undefined ? "absent" : `"${found}"`}, not ${wanted}`;
}
