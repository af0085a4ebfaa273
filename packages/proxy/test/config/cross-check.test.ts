import { isLeft } from "fp-ts/lib/Either.js";
import { describe, expect, test } from "vitest";
import { problemText } from "../../src/config/document.ts";
import { readConfig } from "../../src/config/read.ts";

/** The lines that people read. */
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

const fixed = { ...listener, address: "127.0.0.1:5" };
const named = { ...listener, name: "x" };

describe("what makes no sense together, or would do nothing, is a problem", () => {
  const rows: [name: string, config: object, message: string][] = [
    [
      "two listeners at one address",
      { listeners: [fixed, fixed], ...shop },
      "listeners[1].address: 127.0.0.1:5 is another listener's, too",
    ],
    [
      "two listeners at one address that is written in two ways",
      {
        listeners: [
          { ...listener, address: "[2001:DB8::1]:5" },
          { ...listener, address: "[2001:db8:0:0:0:0:0:1]:5" },
        ],
        ...shop,
      },
      "listeners[1].address: [2001:db8::1]:5 is another listener's, too",
    ],
    [
      "two listeners of one name",
      { listeners: [named, named], ...shop },
      'listeners[1].name: "x" is another listener\'s name, too',
    ],
    [
      "a listener where operators look",
      { listeners: [fixed], ...shop, admin: { address: "127.0.0.1:5" } },
      "admin.address: 127.0.0.1:5 is a listener's, too",
    ],
    [
      "two routes of one name",
      { listeners: [{ ...listener, routes: [...listener.routes, ...listener.routes] }], ...shop },
      'f:1:90: listeners[0].routes[1].name: must be a name that no other route has (got "all")',
    ],
    [
      "slashes merged in paths that stay as they are",
      { listeners: [{ ...listener, paths: { normalize: "off", slashes: "merge" } }], ...shop },
      "paths.slashes: must be keep with normalize: off (got merge)",
    ],
    [
      "a name that Via cannot have",
      { listeners: [{ ...listener, via: "a b" }], ...shop },
      'via: must be false, or letters, digits and ._:- (got "a b")',
    ],
    [
      "a route that another one leaves nothing for",
      {
        listeners: [
          { ...listener, routes: [...listener.routes, { name: "b", match: { path: "/" }, cluster: "shop" }] },
        ],
        ...shop,
      },
      "listeners[0].routes[1]: can never match: all takes every request first",
    ],
    [
      "a network that is none",
      { listeners: [{ ...listener, trustedProxies: ["10.0.0.0/33"] }], ...shop },
      'trustedProxies[0]: must be an IP address or a network such as 10.0.0.0/8 (got "10.0.0.0/33")',
    ],
    [
      "a tunnel for HTTP",
      { listeners: [{ ...listener, upgrades: ["websocket", "H2C"] }], ...shop },
      'upgrades[1]: must be a protocol other than HTTP, such as websocket (got "H2C")',
    ],
    [
      "a tunnel for what is no protocol",
      { listeners: [{ ...listener, upgrades: ["web socket"] }], ...shop },
      'upgrades[0]: must be a protocol other than HTTP, such as websocket (got "web socket")',
    ],
    [
      "ciphers that are none",
      {
        listeners: [{ ...listener, tls: { certificates: [{ certificate: "c", key: "k" }], ciphers: "x" } }],
        ...shop,
      },
      'tls.ciphers: is "x"; valid is a list of ciphers',
    ],
    [
      "a route in a rule at the door",
      {
        listeners: [
          {
            ...listener,
            policies: { authorize: { rules: [{ name: "r", effect: "deny", to: { routes: ["all"] } }] } },
          },
        ],
        ...shop,
      },
      "no route is known here yet",
    ],
    [
      "a rule that makes no sense",
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
      "a regex that is none",
      {
        listeners: [
          { ...listener, routes: [{ name: "a", cluster: "shop", match: { path: { regex: "(" } } }] },
        ],
        ...shop,
      },
      'f:1:104: listeners[0].routes[0].match.path.regex: must be a pattern: unclosed ( (at offset 1) (got "(")',
    ],
    [
      "a header that is none",
      {
        listeners: [
          { ...listener, policies: { rateLimit: { perClient: { rate: "1/s", by: { header: "a b" } } } } },
        ],
        ...shop,
      },
      'by.header: is "a b"; valid is the name of a header field',
    ],
    [
      "a limit that is upside down",
      {
        listeners: [{ ...listener, policies: { concurrencyLimit: { algorithm: "aimd", min: 9, max: 3 } } }],
        ...shop,
      },
      "concurrencyLimit.max: must be an integer of at least min (9) (got 3)",
    ],
    [
      "a limit whose algorithm begins above it",
      {
        listeners: [{ ...listener, policies: { concurrencyLimit: { algorithm: "gradient2", max: 10 } } }],
        ...shop,
      },
      "concurrencyLimit.max: must be an integer of at least min (20) (got 10)",
    ],
    [
      "a retry of a method that is written in lower case",
      through({ retry: { on: { methods: ["POST", "put"] } } }),
      "retry.on.methods[1]: must be an HTTP method, which are case-sensitive: PUT (got put)",
    ],
    [
      "a retry of what is no method",
      through({ retry: { on: { methods: ["GET /"] } } }),
      'retry.on.methods[0]: must be an HTTP method (got "GET /")',
    ],
    [
      "a retry of CONNECT",
      through({ retry: { on: { methods: ["CONNECT"] } } }),
      "retry.on.methods[0]: must not be CONNECT: a tunnel cannot be opened twice",
    ],
    [
      "a retry of nothing",
      through({ retry: { on: { statuses: [], grpc: [], connectFailure: false, reset: false } } }),
      "retry.on: must name at least one condition",
    ],
    [
      "a retry of a response that went well",
      through({ retry: { on: { statuses: [200] } } }),
      "retry.on.statuses[0]: must be a status from 400 to 599, 4xx or 5xx",
    ],
    [
      "a pause that begins above its end",
      through({ retry: { backoff: { base: "1s" } } }),
      "retry.backoff.base: is 1s; valid is at most max, which is 250ms",
    ],
    [
      "a breaker that opens for longer than at most",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], policies: { circuitBreaker: { open: "1h" } } } },
      },
      "circuitBreaker.open: is 1h; valid is at most maxOpen, which is 5m",
    ],
    [
      "a window that is too short",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], policies: { circuitBreaker: { window: "9ms" } } } },
      },
      'circuitBreaker.window: is "9ms"; valid is a duration from 10ms to 596h',
    ],
    [
      "a breaker that never opens",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], policies: { circuitBreaker: { successRate: 0 } } } },
      },
      "circuitBreaker.successRate: is 0; valid is a share over 0%, up to 100%",
    ],
    [
      "second calls for every call",
      {
        listeners: [
          {
            ...listener,
            routes: [{ name: "a", cluster: "shop", policies: { hedge: { maxExtraLoad: "100%" } } }],
          },
        ],
        ...shop,
      },
      'hedge.maxExtraLoad: is "100%"; valid is a share from 0%, below 100%',
    ],
    [
      "an ejection that is longer than at most",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], outliers: { ejection: "6m" } } },
      },
      "outliers.ejection: is 6m; valid is at most maxEjection, which is 5m",
    ],
    [
      "a check of no path",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], check: { type: "http", path: "/a b" } } },
      },
      'check.path: is "/a b"; valid is a path as it is sent',
    ],
    [
      "policies of a route that answers by itself",
      {
        listeners: [
          { ...listener, routes: [{ name: "a", respond: { status: 200 }, policies: { timeout: "1s" } }] },
        ],
        ...shop,
      },
      "routes[0].policies: would do nothing on a route that answers by itself",
    ],
    [
      "a rewrite of a route that answers by itself",
      {
        listeners: [
          { ...listener, routes: [{ name: "a", redirect: { path: "/x" }, rewrite: { path: "/y" } }] },
        ],
        ...shop,
      },
      "routes[0].rewrite: would do nothing on a route that answers by itself",
    ],
    [
      "changed fields of a request that goes nowhere",
      {
        listeners: [
          {
            ...listener,
            routes: [{ name: "a", respond: { status: 200 }, requestHeaders: { remove: ["x"] } }],
          },
        ],
        ...shop,
      },
      "routes[0].requestHeaders: would do nothing on a route that answers by itself",
    ],
    [
      "a body of what has none",
      { listeners: [{ ...listener, routes: [{ name: "a", respond: { status: 204, body: "x" } }] }], ...shop },
      "respond.body: a response with 204 has none",
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
      'to.routes: is ["b"], but here it is a: the rule would never be true',
    ],
    [
      "a fault that is none",
      {
        listeners: [{ ...listener, routes: [{ name: "a", cluster: "shop", policies: { fault: {} } }] }],
        ...shop,
      },
      "policies.fault: is {}; valid is delay, failure, or both",
    ],
    [
      "an endpoint that is there twice",
      { listeners: [listener], clusters: { shop: { endpoints: ["http://a:1", "http://a:1/"] } } },
      "endpoints[1]: http://a:1 is there already; valid is each once",
    ],
    [
      "a weight that nobody looks at",
      { listeners: [listener], clusters: { shop: { endpoints: [{ url: "http://a:1", weight: 2 }] } } },
      "endpoints[0].weight: would do nothing with round-robin",
    ],
    [
      "a cluster's timeout that is longer than its routes'",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["http://a:1"], policies: { timeout: "1m" } } },
      },
      "clusters.shop.policies.timeout: is 1m, but each route to it has given up after 15s",
    ],
    [
      "a rule for identities where nobody has one",
      through({ authorize: { rules: [{ name: "r", effect: "deny", from: { identities: ["*"] } }] } }),
      "policies.authorize.rules[0].from.identities: no client has an identity here; valid is that together with",
    ],
    [
      "a limit by identities where nobody has one",
      through({ rateLimit: { perClient: { rate: "1/s", by: "identity" } } }),
      "routes[0].policies.rateLimit.perClient.by: no client has an identity here",
    ],
    [
      "a collector that is none",
      { listeners: [listener], ...shop, tracing: { endpoint: ";" } },
      'tracing.endpoint: is ";"; valid is a URL with a path',
    ],
    [
      "a collector without a path",
      { listeners: [listener], ...shop, tracing: { endpoint: "http://collector:4318" } },
      'tracing.endpoint: is "http://collector:4318"; valid is a URL with a path',
    ],
    [
      "TLS for endpoints without",
      { listeners: [listener], clusters: { shop: { endpoints: ["http://a:1"], tls: {} } } },
      "clusters.shop.tls: would do nothing: no endpoint is https",
    ],
    [
      "two sources of endpoints",
      { listeners: [listener], clusters: { shop: { endpoints: ["http://a:1"], file: "f" } } },
      "valid is exactly one of endpoints, dns, srv and file",
    ],
    [
      "a certificate without a key",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["https://a:1"], tls: { certificate: "c" } } },
      },
      "valid is certificate and key together, or neither",
    ],
    [
      "names that no certificate is looked at for",
      {
        listeners: [listener],
        clusters: { shop: { endpoints: ["https://a:1"], tls: { verify: false, sans: [{ dns: "a" }] } } },
      },
      "clusters.shop.tls.sans: ",
    ],
    [
      "a name that any certificate shows",
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
