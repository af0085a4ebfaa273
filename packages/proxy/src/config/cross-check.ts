import { BlockList, isIP } from "node:net";
import { createSecureContext } from "node:tls";
import { type Rule, ruleProblems } from "@pagoda/authorize";
import { routeProblems } from "@pagoda/router";
import { listenerName } from "../data-plane/shared-limits.ts";
import { type ConfigDocument, nearest, type Problem } from "./document.ts";
import { toRoute } from "./routes.ts";
import type { Config, ListenerConfig } from "./schema/config.ts";
import type { AuthorizePolicy, ConcurrencyPolicy, RateLimitPolicy } from "./schema/policies.ts";

type Path = readonly (string | number)[];
type Report = (path: Path, message: string) => void;
type RouteConfig = ListenerConfig["routes"][number];

/** What no schema can say: names that stand in two places, and what only the layers know to be wrong. */
export function crossProblems(document: ConfigDocument, config: Config): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, message) => void problems.push(document.problem(path, message));
  checkListeners(config, report);
  for (const [name, { policies, balance }] of Object.entries(config.clusters)) {
    const path: Path = ["clusters", name];
    checkConcurrency([...path, "policies", "concurrencyLimit"], policies.concurrencyLimit, report);
    if (typeof balance === "object" && typeof balance.key === "object")
      checkField([...path, "balance", "key", "header"], balance.key.header, report);
  }
  return problems;
}

function checkListeners({ listeners, clusters }: Config, report: Report): void {
  const names = new Set<string>();
  const addresses = new Set<string>();
  listeners.forEach((listener, at) => {
    const path: Path = ["listeners", at];
    const { host, port } = listener.address;
    const [name, address] = [listenerName(listener), `${host}:${port}`];
    if (port !== 0 && addresses.has(address))
      report([...path, "address"], `${address} is another listener's, too`);
    else if (names.has(name)) report([...path, "name"], `"${name}" is another listener's name, too`);
    names.add(name);
    addresses.add(address);
    listener.trustedProxies?.forEach((network, n) => {
      if (!isNetwork(network))
        report(
          [...path, "trustedProxies", n],
          `is "${network}"; valid is an address or a network such as 10.0.0.0/8`,
        );
    });
    checkCiphers([...path, "tls", "ciphers"], listener.tls?.ciphers, report);
    const { policies } = listener;
    checkRules([...path, "policies", "authorize"], policies.authorize, report);
    policies.authorize?.rules.forEach(({ to }, n) => {
      if (to?.routes !== undefined)
        report(
          [...path, "policies", "authorize", "rules", n, "to", "routes"],
          "no route is known here yet; valid is to say it in the policies of the routes",
        );
    });
    checkLimits([...path, "policies"], policies, report);
    checkRoutes([...path, "routes"], listener.routes, Object.keys(clusters), report);
  });
}

function checkRoutes(
  path: Path,
  routes: readonly RouteConfig[],
  clusters: readonly string[],
  report: Report,
): void {
  const known = (at: Path, name: string | undefined): void => {
    if (name === undefined || clusters.includes(name)) return;
    const meant = nearest(name, clusters);
    const hint =
      meant === undefined ? `there are ${clusters.join(", ") || "none"}` : `did you mean ${meant}?`;
    report(at, `there is no cluster "${name}"; ${hint}`);
  };
  routes.forEach(({ cluster, clusters: shares, policies }, n) => {
    known([...path, n, "cluster"], cluster);
    shares?.forEach((share, s) => known([...path, n, "clusters", s, "cluster"], share.cluster));
    known([...path, n, "policies", "mirror", "cluster"], policies.mirror?.cluster);
    checkRules([...path, n, "policies", "authorize"], policies.authorize, report);
    checkLimits([...path, n, "policies"], policies, report);
  });
  for (const { route, path: at, value, message } of routeProblems(routes.map(toRoute))) {
    // Of two with the same name the last one is the one too many.
    const n = routes.findLastIndex(({ name }) => name === route);
    report([...path, n, ...at], `${value === undefined ? "" : `is ${JSON.stringify(value)}; `}${message}`);
  }
}

function checkRules(path: Path, policy: AuthorizePolicy | undefined, report: Report): void {
  if (policy === undefined) return;
  for (const { rule, path: at, value, message } of ruleProblems(policy.rules as readonly Rule[])) {
    const n = policy.rules.findLastIndex(({ name }) => name === rule);
    report(
      [...path, "rules", n, ...at],
      `${value === undefined ? "" : `is ${JSON.stringify(value)}; `}${message}`,
    );
  }
}

function checkLimits(
  path: Path,
  policies: {
    readonly rateLimit?: RateLimitPolicy | undefined;
    readonly concurrencyLimit?: ConcurrencyPolicy | undefined;
  },
  report: Report,
): void {
  const by = policies.rateLimit?.perClient?.by;
  if (typeof by === "object")
    checkField([...path, "rateLimit", "perClient", "by", "header"], by.header, report);
  checkConcurrency([...path, "concurrencyLimit"], policies.concurrencyLimit, report);
}

function checkConcurrency(path: Path, limit: ConcurrencyPolicy | undefined, report: Report): void {
  if (typeof limit !== "object") return;
  const { initial, min = 1, max = Infinity } = limit;
  if (min > max) report([...path, "min"], `is ${min}; valid is at most max, which is ${max}`);
  else if (initial !== undefined && (initial < min || initial > max))
    report([...path, "initial"], `is ${initial}; valid is from min to max`);
}

function checkCiphers(path: Path, ciphers: string | undefined, report: Report): void {
  if (ciphers === undefined) return;
  try {
    createSecureContext({ ciphers });
  } catch {
    report(path, `is "${ciphers}"; valid is a list of ciphers as OpenSSL has it`);
  }
}

function checkField(path: Path, name: string, report: Report): void {
  if (!/^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/.test(name))
    report(path, `is "${name}"; valid is the name of a header field`);
}

function isNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more !== undefined) return false;
  if (bits === undefined) return true;
  if (!/^\d{1,3}$/.test(bits)) return false;
  try {
    new BlockList().addSubnet(address, Number(bits), version === 6 ? "ipv6" : "ipv4");
    return true;
  } catch {
    return false;
  }
}
