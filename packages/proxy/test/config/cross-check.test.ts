import { isLeft } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { problemText } from "../../src/config/document.ts";
import { readConfig } from "../../src/config/read.ts";

/** The problems as printed. */
function problems(config: object): string {
  const read = readConfig(JSON.stringify(config));
  return isLeft(read) ? read.left.map((problem) => problemText("f", problem)).join("\n") : "";
}

const shop = { clusters: { shop: { endpoints: ["http://a:1"] } } };
const listener = { address: "127.0.0.1:0", routes: [{ name: "all", cluster: "shop" }] };

const through = (policies: object): object => ({
  listeners: [{ ...listener, routes: [{ name: "all", cluster: "shop", policies }] }],
  ...shop,
});

const redis = { redis: ["redis://a:1"] };

const fixed = { ...listener, address: "127.0.0.1:5" };
const named = { ...listener, name: "x" };

describe("settings that contradict each other or have no effect are rejected:", () => {
  const rows: [name: string, config: object, message: string][] = [
    [
      "two listeners at one address",
      { listeners: [fixed, fixed], ...shop },
      "listeners[1].address: 127.0.0.1:5 is already the address of another listener",
    ],
    [
      "two listeners at one address, written in two ways",
      {
        listeners: [
          { ...listener, address: "[2001:DB8::1]:5" },
          { ...listener, address: "[2001:db8:0:0:0:0:0:1]:5" },
        ],
        ...shop,
      },
      "listeners[1].address: [2001:db8::1]:5 is already the address of another listener",
    ],
    [
      "two listeners with one name",
      { listeners: [named, named], ...shop },
      'listeners[1].name: "x" is already the name of another listener',
    ],
    [
      "a listener at the admin address",
      { listeners: [fixed], ...shop, admin: { address: "127.0.0.1:5" } },
      "admin.address: 127.0.0.1:5 is already the address of a listener",
    ],
    [
      "a store that is not configured",
      { ...through({ rateLimit: { global: { rate: "1/s" }, store: "limit" } }), stores: { limits: redis } },
      'rateLimit.store: unknown store "limit"; did you mean limits?',
    ],
    [
      "a store, without any",
      through({ rateLimit: { global: { rate: "1/s" }, store: "limits" } }),
      'rateLimit.store: unknown store "limits"; there are no stores',
    ],
    [
      "a lease without a store",
      through({ rateLimit: { global: { rate: "1/s" }, lease: "5ms" } }),
      "rateLimit.lease: has no effect without store",
    ],
    [
      "what to do without a store that is not there",
      through({ rateLimit: { global: { rate: "1/s" }, unreachable: "deny" } }),
      "rateLimit.unreachable: has no effect without store",
    ],
    [
      "a store without TLS that has TLS settings",
      { ...through({}), stores: { limits: { ...redis, tls: {} } } },
      "stores.limits.tls: has no effect: no URL is rediss://",
    ],
    [
      "two servers of one store",
      { ...through({}), stores: { limits: { redis: ["redis://a:1", "redis://b:1"] } } },
      "stores.limits.redis: must have one URL with mode: single (got 2)",
    ],
    [
      "a cluster with TLS in part",
      { ...through({}), stores: { limits: { redis: ["redis://a:1", "rediss://b:1"], mode: "cluster" } } },
      "stores.limits.redis: must be rediss:// for all servers or for none",
    ],
    [
      "sentinels without a master",
      { ...through({}), stores: { limits: { ...redis, mode: "sentinel" } } },
      "stores.limits.master: must be the name of a master with mode: sentinel (missing)",
    ],
    [
      "a master without sentinels",
      { ...through({}), stores: { limits: { ...redis, master: "m" } } },
      "stores.limits.master: has no effect without mode: sentinel",
    ],
    [
      "a store that is not a Redis",
      { ...through({}), stores: { limits: { redis: ["http://ann:pw@a:1"] } } },
      'stores.limits.redis[0]: must be redis://HOST:PORT or rediss://HOST:PORT, with at most a database as path (got "http://(not shown)@a:1")',
    ],
    [
      "two routes with one name",
      { listeners: [{ ...listener, routes: [...listener.routes, ...listener.routes] }], ...shop },
      'f:1:90: listeners[0].routes[1].name: must be a name that no other route has (got "all")',
    ],
    [
      "merged slashes in paths that are not normalized",
      { listeners: [{ ...listener, paths: { normalize: "off", slashes: "merge" } }], ...shop },
      "paths.slashes: must be keep with normalize: off (got merge)",
    ],
    [
      "an invalid name for Via",
      { listeners: [{ ...listener, via: "a b" }], ...shop },
      'via: must be false, or letters, digits and ._:- (got "a b")',
    ],
    [
      "a route shadowed by another",
      {
        listeners: [
          { ...listener, routes: [...listener.routes, { name: "b", match: { path: "/" }, cluster: "shop" }] },
        ],
        ...shop,
      },
      "listeners[0].routes[1]: can never match: all takes every request first",
    ],
    [
      "an invalid network",
      { listeners: [{ ...listener, trustedProxies: ["10.0.0.0/33"] }], ...shop },
      'trustedProxies[0]: must be an IP address or a network such as 10.0.0.0/8 (got "10.0.0.0/33")',
    ],
    [
      "a tunnel for HTTP",
      { listeners: [{ ...listener, upgrades: ["websocket", "H2C"] }], ...shop },
      'upgrades[1]: must be a protocol other than HTTP, such as websocket (got "H2C")',
    ],
    [
      "a tunnel for an invalid protocol",
      { listeners: [{ ...listener, upgrades: ["web socket"] }], ...shop },
      'upgrades[0]: must be a protocol other than HTTP, such as websocket (got "web socket")',
    ],
    [
      "unknown ciphers",
      {
        listeners: [{ ...listener, tls: { certificates: [{ certificate: "c", key: "k" }], ciphers: "x" } }],
        ...shop,
      },
      'tls.ciphers: must be a list of ciphers in OpenSSL format (got "x")',
    ],
    [
      "a route in a rule of a listener",
      {
        listeners: [
          {
            ...listener,
            policies: { authorize: { rules: [{ name: "r", effect: "deny", to: { routes: ["all"] } }] } },
          },
        ],
        ...shop,
      },
      "must be absent on a listener, which authorizes before routing",
    ],
    [
      "a contradictory rule",
      {
        listeners: [
          {
            ...listener,
            policies: { authorize: { rules: [{ name: "r", effect: "deny", from: { addresses: ["x"] } }] } },
          },
        ],
        ...shop,
      },
      'from.addresses[0]: must be an IP address or a network such as 10.0.0.0/8 (got "x")',
    ],
    [
      "a limit by a claim that nobody verifies",
      {
        listeners: [
          { ...listener, policies: { rateLimit: { perClient: { rate: "1/s", by: { claim: "sub" } } } } },
        ],
        ...shop,
      },
      "perClient.by.claim: claims require the policy `jwt`, in the same place or on the listener",
    ],
    [
      "a rule about claims that nobody verifies",
      {
        listeners: [
          {
            ...listener,
            routes: [
              {
                name: "all",
                cluster: "shop",
                policies: {
                  authorize: {
                    rules: [
                      { name: "r", effect: "allow", from: { claims: [{ claim: "sub", equals: ["a"] }] } },
                    ],
                  },
                },
              },
            ],
          },
        ],
        ...shop,
      },
      "rules[0].from.claims: claims require the policy `jwt`, in the same place or on the listener",
    ],
    [
      "two issuers of one name",
      {
        listeners: [
          {
            ...listener,
            policies: {
              jwt: {
                issuers: ["any", ["shop"]].map((audiences) => ({
                  issuer: "id",
                  audiences,
                  jwks: { url: "https://id.example/keys" },
                })),
              },
            },
          },
        ],
        ...shop,
      },
      'jwt.issuers[1].issuer: duplicate issuer "id"',
    ],
    [
      "an invalid regex",
      {
        listeners: [
          { ...listener, routes: [{ name: "a", cluster: "shop", match: { path: { regex: "(" } } }] },
        ],
        ...shop,
      },
      'f:1:104: listeners[0].routes[0].match.path.regex: must be a pattern: unclosed ( (at offset 1) (got "(")',
    ],
    [
      "an invalid header name",
      {
        listeners: [
          { ...listener, policies: { rateLimit: { perClient: { rate: "1/s", by: { header: "a b" } } } } },
        ],
        ...shop,
      },
      'by.header: must be the name of a header field (got "a b")',
    ],
    [
      "a limit with max below min",
      {
        listeners: [{ ...listener, policies: { concurrencyLimit: { algorithm: "aimd", min: 9, max: 3 } } }],
        ...shop,
      },
      "concurrencyLimit.max: must be an integer of at least min (9) (got 3)",
    ],
    [
      "a limit below the algorithm's initial value",
      {
        listeners: [{ ...listener, policies: { concurrencyLimit: { algorithm: "gradient2", max: 10 } } }],
        ...shop,
      },
      "concurrencyLimit.max: must be an integer of at least min (20) (got 10)",
    ],
    [
      "a retry of a lower-case method",
      through({ retry: { on: { methods: ["POST", "put"] } } }),
      "retry.on.methods[1]: must be an HTTP method, which are case-sensitive: PUT (got put)",
    ],
    [
      "a retry of an unknown method",
      through({ retry: { on: { methods: ["GET /"] } } }),
      'retry.on.methods[0]: must be an HTTP method (got "GET /")',
    ],
    [
      "a retry of CONNECT",
      through({ retry: { on: { methods: ["CONNECT"] } } }),
      "retry.on.methods[0]: must not be CONNECT: a tunnel cannot be opened twice",
    ],
    [
      "a retry without conditions",
      through({ retry: { on: { statuses: [], grpc: [], connectFailure: false, reset: false } } }),
      "retry.on: must name at least one condition",
    ],
    [
      "a retry of a successful response",
      through({ retry: { on: { statuses: [200] } } }),
      "retry.on.statuses[0]: must be a status from 400 to 599, 4xx or 5xx",
    ],
    [
      "a backoff with base above max",
      through({ retry: { backoff: { base: "1s" } } }),
      "retry.backoff.base: must be at most max, which is 250ms (got 1s)",
    ],
    [
      "a breaker with open above maxOpen",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], policies: { circuitBreaker: { open: "1h" } } } },
      },
      "circuitBreaker.open: must be at most maxOpen, which is 5m (got 1h)",
    ],
    [
      "a window that is too short",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], policies: { circuitBreaker: { window: "9ms" } } } },
      },
      'circuitBreaker.window: must be a duration from 10ms to 596h (got "9ms")',
    ],
    [
      "a breaker that never opens",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], policies: { circuitBreaker: { successRate: 0 } } } },
      },
      "circuitBreaker.successRate: must be a share over 0%, up to 100% (got 0)",
    ],
    [
      "hedging every call",
      {
        listeners: [
          {
            ...listener,
            routes: [{ name: "a", cluster: "shop", policies: { hedge: { maxExtraLoad: "100%" } } }],
          },
        ],
        ...shop,
      },
      'hedge.maxExtraLoad: must be a share from 0%, below 100% (got "100%")',
    ],
    [
      "an ejection above maxEjection",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], outliers: { ejection: "6m" } } },
      },
      "outliers.ejection: must be at most maxEjection, which is 5m (got 6m)",
    ],
    [
      "a check without a path",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], check: { type: "http", path: "/a b" } } },
      },
      'check.path: must be a path as it is sent: / first, without spaces (got "/a b")',
    ],
    [
      "policies of a route without a cluster",
      {
        listeners: [
          { ...listener, routes: [{ name: "a", respond: { status: 200 }, policies: { timeout: "1s" } }] },
        ],
        ...shop,
      },
      "routes[0].policies: has no effect on a route that redirects or responds",
    ],
    [
      "a rewrite on a route without a cluster",
      {
        listeners: [
          { ...listener, routes: [{ name: "a", redirect: { path: "/x" }, rewrite: { path: "/y" } }] },
        ],
        ...shop,
      },
      "routes[0].rewrite: has no effect on a route that redirects or responds",
    ],
    [
      "request headers on a route without a cluster",
      {
        listeners: [
          {
            ...listener,
            routes: [{ name: "a", respond: { status: 200 }, requestHeaders: { remove: ["x"] } }],
          },
        ],
        ...shop,
      },
      "routes[0].requestHeaders: has no effect on a route that redirects or responds",
    ],
    [
      "a body with a status that has none",
      { listeners: [{ ...listener, routes: [{ name: "a", respond: { status: 204, body: "x" } }] }], ...shop },
      "respond.body: must be absent with status 204",
    ],
    [
      "a rule for another route",
      {
        listeners: [
          {
            ...listener,
            routes: [
              {
                name: "a",
                cluster: "shop",
                policies: { authorize: { rules: [{ name: "r", effect: "deny", to: { routes: ["b"] } }] } },
              },
            ],
          },
        ],
        ...shop,
      },
      'to.routes: must include a, or the rule can never match (got ["b"])',
    ],
    [
      "an empty fault",
      {
        listeners: [{ ...listener, routes: [{ name: "a", cluster: "shop", policies: { fault: {} } }] }],
        ...shop,
      },
      "policies.fault: must have delay, failure, or both (got {})",
    ],
    [
      "a duplicate endpoint",
      { listeners: [listener], clusters: { shop: { endpoints: ["http://a:1", "http://a:1/"] } } },
      "endpoints[1]: duplicate endpoint http://a:1",
    ],
    [
      "a weight that the balancer ignores",
      { listeners: [listener], clusters: { shop: { endpoints: [{ url: "http://a:1", weight: 2 }] } } },
      "endpoints[0].weight: has no effect with round-robin",
    ],
    [
      "a cluster's timeout that is longer than its routes'",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], policies: { timeout: "1m" } } },
      },
      "clusters.shop.policies.timeout: must be at most 15s, the longest timeout of its routes (got 1m)",
    ],
    [
      "a rule by identity without client certificates",
      through({ authorize: { rules: [{ name: "r", effect: "deny", from: { identities: ["*"] } }] } }),
      "policies.authorize.rules[0].from.identities: identities require tls.clients on this listener",
    ],
    [
      "a limit by identity without client certificates",
      through({ rateLimit: { perClient: { rate: "1/s", by: "identity" } } }),
      "routes[0].policies.rateLimit.perClient.by: identities require tls.clients on this listener",
    ],
    [
      "an invalid collector",
      { listeners: [listener], ...shop, tracing: { endpoint: ";" } },
      'tracing.endpoint: must be a URL with a path, such as http://collector:4318/v1/traces (got ";")',
    ],
    [
      "a collector without a path",
      { listeners: [listener], ...shop, tracing: { endpoint: "http://collector:4318" } },
      'tracing.endpoint: must be a URL with a path, such as http://collector:4318/v1/traces (got "http://collector:4318")',
    ],
    [
      "TLS for plain endpoints",
      { listeners: [listener], clusters: { shop: { endpoints: ["http://a:1"], tls: {} } } },
      "clusters.shop.tls: has no effect: no endpoint is https",
    ],
    [
      "two sources of endpoints",
      { listeners: [listener], clusters: { shop: { endpoints: ["http://a:1"], file: "f" } } },
      "must have exactly one of endpoints, dns, srv, kubernetes, xds and file",
    ],
    [
      "TLS for the plain endpoints of a Kubernetes service",
      {
        listeners: [listener],
        clusters: { shop: { kubernetes: { service: "a", namespace: "b", port: "c" }, tls: {} } },
      },
      "clusters.shop.tls: has no effect: no endpoint is https",
    ],
    [
      "a Kubernetes service with an invalid name",
      {
        listeners: [listener],
        clusters: { shop: { kubernetes: { service: "a/b", namespace: "c", port: 1 } } },
      },
      "clusters.shop.kubernetes.service: must be 1 to 63 lower-case letters, digits and hyphens",
    ],
    [
      "an empty name",
      { listeners: [listener], clusters: { shop: { xds: "" } } },
      'clusters.shop.xds: must not be empty (got "")',
    ],
    [
      "a cluster of a control plane, and none of these",
      { listeners: [listener], clusters: { shop: { xds: "shop" } } },
      "clusters.shop.xds: requires `control.xds`",
    ],
    [
      "a control plane without a cluster",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"] } },
        control: { xds: { server: "http://a:1", node: { id: "a" } } },
      },
      "control.xds: has no effect: no cluster has `xds`",
    ],
    [
      "TLS for a control plane without TLS",
      {
        listeners: [listener],
        clusters: { shop: { xds: "shop" } },
        control: { xds: { server: "http://a:1", node: { id: "a" }, tls: { ca: "ca" } } },
      },
      "control.xds.tls: has no effect: the server is not https",
    ],
    [
      "a secret of a listener, and nobody who has it",
      { listeners: [{ ...listener, tls: { certificates: [{ secret: "web" }] } }], ...shop },
      "listeners[0].tls.certificates[0].secret: requires `control.sds` or `control.xds`",
    ],
    [
      "a secret of a cluster, and nobody who has it",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["https://a:1"], tls: { ca: { secret: "mesh" } } } },
      },
      "clusters.shop.tls.ca: requires `control.sds` or `control.xds`",
    ],
    [
      "an agent without a secret",
      {
        listeners: [listener],
        ...shop,
        control: { sds: { server: "unix:///run/agent.sock", node: { id: "a" } } },
      },
      "control.sds: has no effect: no TLS setting names a secret",
    ],
    [
      "an agent at a path that is not absolute",
      { listeners: [listener], ...shop, control: { sds: { server: "unix:agent.sock", node: { id: "a" } } } },
      "control.sds.server: must be https://HOST:PORT, http://HOST:PORT or unix:///PATH",
    ],
    [
      "a control plane without a cluster, since secrets come from an agent",
      {
        listeners: [{ ...listener, tls: { certificates: [{ secret: "web" }] } }],
        ...shop,
        control: {
          xds: { server: "http://a:1", node: { id: "a" } },
          sds: { server: "unix:///run/agent.sock", node: { id: "a" } },
        },
      },
      "control.xds: has no effect: no cluster has `xds`",
    ],
    [
      "a certificate that is neither files nor a secret",
      { listeners: [{ ...listener, tls: { certificates: ["web.pem"] } }], ...shop },
      "listeners[0].tls.certificates[0]: must be { certificate, key }, or { secret: NAME }",
    ],
    [
      "half a certificate of a listener",
      { listeners: [{ ...listener, tls: { certificates: [{ certificate: "web.pem" }] } }], ...shop },
      "listeners[0].tls.certificates[0].key: must be a string (missing)",
    ],
    [
      "a secret beside the files of a client certificate",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["https://a:1"], tls: { secret: "a", certificate: "c", key: "k" } } },
      },
      "clusters.shop.tls.secret: must be absent with certificate and key",
    ],
    [
      "half a certificate for a control plane",
      {
        listeners: [listener],
        clusters: { shop: { xds: "shop" } },
        control: { xds: { server: "https://a:1", node: { id: "a" }, tls: { key: "k" } } },
      },
      "must have both certificate and key, or neither",
    ],
    [
      "a certificate without a key",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["https://a:1"], tls: { certificate: "c" } } },
      },
      "must have both certificate and key, or neither",
    ],
    [
      "sans without verification",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["https://a:1"], tls: { verify: false, sans: [{ dns: "a" }] } } },
      },
      "clusters.shop.tls.sans: ",
    ],
    [
      "a name that matches any certificate",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["https://a:1"], tls: { sans: [{ uri: "*" }] } } },
      },
      'tls.sans[0].uri: must be a name with a * at most as its first or last character (got "*")',
    ],
  ];
  test.each(rows)("%s", (_name, config, message) => {
    expect(problems(config)).toContain(message);
  });
});
