import { isName } from "../config/address.ts";

/** Origins that are interchangeable. */
export interface Upstream {
  readonly name: string;
  readonly origins: readonly string[];
}

const repository = "https://github.com/pagoda-ts/pagoda/blob/main/packages/proxy";

/**
 * A configuration for these upstreams, commented for someone who sees it for the first time. A `#`
 * directly before a field turns that field off.
 */
export function configurationFor(upstreams: readonly Upstream[]): string {
  return `# yaml-language-server: $schema=${repository.replace("/blob/", "/raw/")}/pagoda.schema.json
# A configuration of pagoda. All fields: ${repository}/CONFIGURATION.md
# Remove a # directly before a field to turn it on. A saved change takes effect at once, and an invalid one changes nothing.
#   pagoda check -c FILE                                 lists mistakes, and settings that fail when the origins do
#   pagoda explain -c FILE GET http://127.0.0.1:3000/    shows which route and policies apply to a request

listeners:
  - name: main
    # Where clients connect. 0.0.0.0:3000 accepts clients on other machines.
    address: 127.0.0.1:3000
    # Load balancers in front, whose X-Forwarded-For is believed.
    #trustedProxies: [10.0.0.0/8]
    #tls: { certificates: [{ certificate: server.pem, key: server.key }] }
    #policies:
    #  rateLimit: { perClient: { rate: 100/s, burst: 200 } }
    #  bodyLimit: 10MiB
    # The most specific match wins, whatever the order.
    routes:
${upstreams.map((upstream, n) => withComments(n === 0, routeFor(upstream, upstreams.length === 1))).join("")}
clusters:
${upstreams.map((upstream, n) => withComments(n === 0, clusterFor(upstream))).join("")}
# Health, metrics, and the stack with its state. Keep it private.
admin:
  address: 127.0.0.1:9090
`;
}

/** The comments would be the same for all. */
function withComments(isFirst: boolean, text: string): string {
  return isFirst ? text : text.replaceAll(/^ +# .*\n/gm, "");
}

function routeFor({ name }: Upstream, isOnly: boolean): string {
  return `      - name: ${name}
        match: { path: ${isOnly || name === "app" ? "/" : `/${name}`} }
        cluster: ${name}
        policies:
          # For the upstream, until its response begins, over all tries.
          timeout: 15s
          # Repeats idempotent requests that failed, at most 20% of all.
          retry: { attempts: 3 }
`;
}

function clusterFor({ name, origins }: Upstream): string {
  return `  ${name}:
${endpointsOf(origins)}
    # Takes an endpoint out for a while after 5 failures in a row.
    outliers: {}
    # Asks each endpoint whether it is healthy.
    #check: { type: http, path: /health }
    policies:
      # Stops calling an endpoint that fails.
      circuitBreaker: {}
`;
}

function endpointsOf(origins: readonly string[]): string {
  const [{ protocol, hostname, port }, ...others] = origins.map((origin) => new URL(origin)) as [
    URL,
    ...URL[],
  ];
  if (others.length > 0 || !isName(hostname))
    return `    endpoints:\n${origins.map((one) => `      - ${one}`).join("\n")}`;
  const scheme = protocol.slice(0, -1);
  const settings = [`host: ${hostname}`, `port: ${port || (scheme === "https" ? 443 : 80)}`];
  if (scheme === "https") settings.push("scheme: https");
  return `    # Each address of this name is an endpoint.\n    dns: { ${settings.join(", ")} }`;
}
