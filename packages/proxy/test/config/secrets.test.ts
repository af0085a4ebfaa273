import * as fc from "fast-check";
import { stringify } from "yaml";
import type { z } from "zod";
import { isLeft, isRight } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { readEnvironment, variableProblemText } from "../../src/config/environment.ts";
import { problemText } from "../../src/config/document.ts";
import { readConfig } from "../../src/config/read.ts";
import { publicConfig } from "../../src/config/resolved.ts";
import { type Config, configSchema } from "../../src/config/schema/config.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { isMarked } from "../../src/schema/secrets.ts";

/**
 * Free-text fields that may be shown, by path. Every other one is marked in the schema: `secret` if
 * its value may be one, `bare` if it is a URL or a path.
 */
const open: ReadonlySet<string> = new Set(
  [
    // Our own addresses and names.
    "listeners[].name listeners[].address listeners[].trustedProxies[] listeners[].via listeners[].upgrades[]",
    "admin.address tracing.service clusters{name} recorder.headers[]",
    // File names; the contents of files are never shown.
    "plugins[] listeners[].tls.certificates[].certificate listeners[].tls.certificates[].key listeners[].tls.clients.ca listeners[].tls.ticketSecret",
    "clusters{}.tls.ca clusters{}.tls.certificate clusters{}.tls.key clusters{}.file kubernetes.tokenFile kubernetes.ca admin.tokenFile",
    "control.xds.tls.ca control.xds.tls.certificate control.xds.tls.key",
    "control.sds.tls.ca control.sds.tls.certificate control.sds.tls.key",
    // Names of secrets of a control plane.
    "listeners[].tls.certificates[].secret listeners[].tls.clients.ca.secret clusters{}.tls.secret clusters{}.tls.ca.secret",
    "listeners[].tls.ciphers COMPRESSION.types[] BASICAUTH.users{name} BASICAUTH.realm JWT.realm",
    "JWT.issuers[].issuer JWT.issuers[].audiences[] JWT.issuers[].jwks.file JWT.issuers[].jwks.ca",
    "EXTAUTHZ.cluster EXTAUTHZ.path EXTAUTHZ.headers[] EXTAUTHZ.copyHeaders[] EXTAUTHZ.contextExtensions{name}",
    // Names of claims, and of the fields that are set from them.
    "JWT.headers{name} JWT.headers{} JWT.headers{}[] RATELIMIT.perClient.by.claim RATELIMIT.perClient.by.claim[]",
    "CLIENTCONCURRENCY.by.claim CLIENTCONCURRENCY.by.claim[]",
    "listeners[].cors.origins[] listeners[].cors.methods[] listeners[].cors.headers[] listeners[].cors.exposedHeaders[]",
    "ROUTE.cors.origins[] ROUTE.cors.methods[] ROUTE.cors.headers[] ROUTE.cors.exposedHeaders[]",
    "stores{name} stores{}.passwordFile stores{}.secretFile stores{}.tls.ca stores{}.tls.certificate stores{}.tls.key",
    // Names of a server, a user and stores.
    "stores{}.tls.servername stores{}.username stores{}.master RATELIMIT.store",
    // Names of origins.
    "clusters{}.dns.host clusters{}.dns.servers[] clusters{}.srv.name clusters{}.srv.servers[]",
    "clusters{}.kubernetes.namespace clusters{}.kubernetes.service clusters{}.kubernetes.port",
    "clusters{}.xds control.xds.node.id control.xds.node.cluster control.xds.tls.servername",
    "control.sds.node.id control.sds.node.cluster control.sds.tls.servername",
    "control.sds.node.locality.region control.sds.node.locality.zone control.sds.node.locality.subZone",
    "control.xds.node.locality.region control.xds.node.locality.zone control.xds.node.locality.subZone",
    "clusters{}.tls.servername clusters{}.tls.sans[].uri clusters{}.tls.sans[].dns",
    "clusters{}.check.host clusters{}.check.service clusters{}.balance.key.header",
    // Rules: names, without values of fields.
    "AUTHORIZE.rules[].name AUTHORIZE.rules[].from.identities[] AUTHORIZE.rules[].from.addresses[]",
    "AUTHORIZE.rules[].from.claims[].claim AUTHORIZE.rules[].from.claims[].claim[]",
    "AUTHORIZE.rules[].from.claims[].equals[] AUTHORIZE.rules[].from.claims[].contains[]",
    "AUTHORIZE.rules[].to.methods[] AUTHORIZE.rules[].to.paths[] AUTHORIZE.rules[].to.hosts[]",
    "AUTHORIZE.rules[].to.routes[] RATELIMIT.perClient.by.header CLIENTCONCURRENCY.by.header",
    // What routes match, and what they do.
    "ROUTE.policies.retry.on.methods[] ROUTE.name ROUTE.cluster ROUTE.clusters[].cluster ROUTE.policies.mirror.cluster",
    "ROUTE.match.hosts[] ROUTE.match.path ROUTE.match.path.exact ROUTE.match.path.prefix ROUTE.match.path.startsWith ROUTE.match.path.pattern",
    "ROUTE.match.path.regex ROUTE.match.methods[] ROUTE.policies.retry.on.methods[] ROUTE.match.headers[].name ROUTE.match.query[].name",
    "ROUTE.redirect.host ROUTE.rewrite.host ROUTE.rewrite.regex.pattern ROUTE.respond.headers{name}",
    "ROUTE.requestHeaders.set{name} ROUTE.requestHeaders.add{name} ROUTE.requestHeaders.remove[]",
    "ROUTE.responseHeaders.set{name} ROUTE.responseHeaders.add{name} ROUTE.responseHeaders.remove[]",
  ].flatMap((places) => places.split(" ")),
);

/** Abbreviates what occurs in several places, or deep in the file. */
function inShort(place: string): string {
  return place
    .replace(
      /^.*\.policies\.(authorize|basicAuth|extAuthz|jwt|compression|rateLimit|clientConcurrency)/,
      (_, policy: string) => policy.toUpperCase(),
    )
    .replace("listeners[].routes[]", "ROUTE");
}

/** The paths of all free-text fields that are not marked. */
function* unmarked(schema: z.core.$ZodType, place = ""): Generator<string> {
  if (isMarked(schema)) return;
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  switch (def.type) {
    case "optional":
    case "default":
    case "prefault":
    case "nullable":
    case "readonly":
      return yield* unmarked(def.innerType, place);
    case "pipe":
      // Numbers with units are not free text.
      if ((def.out as z.core.$ZodTypes)._zod.def.type !== "number") yield* unmarked(def.in, place);
      return;
    case "union":
      for (const option of def.options) yield* unmarked(option, place);
      return;
    case "array":
      // One or several: the same field.
      return yield* unmarked(def.element, place.endsWith(".match") ? place : `${place}[]`);
    case "record":
      yield* unmarked(def.keyType, `${place}{name}`);
      return yield* unmarked(def.valueType, `${place}{}`);
    case "object":
      for (const [name, field] of Object.entries(def.shape))
        yield* unmarked(field, place === "" ? name : `${place}.${name}`);
      return;
    case "string":
      yield inShort(place);
      return;
    case "enum":
    case "literal":
    case "number":
    case "boolean":
      return;
    default:
      throw new Error(`${place} is ${def.type}: say here whether it takes texts`);
  }
}

test("every free-text field is marked in the schema or listed as not secret", () => {
  const found = new Set(unmarked(configSchema(builtInPolicies)));
  const unknown = [...found].filter((place) => !open.has(place));
  expect(unknown, "mark each with secret() or bare() in the schema, or list it here").toEqual([]);
  const gone = [...open].filter((place) => !found.has(place));
  expect(gone, "take these off the list").toEqual([]);
});

/** `hunter-13` in base64, as the salt of a hash. */
const hunter13 = `$scrypt$ln=10,r=8,p=1$hunter/13hunter/13huntr$${"A".repeat(43)}`;

const secrets = {
  listeners: [
    {
      address: "127.0.0.1:0",
      routes: [
        {
          name: "a",
          cluster: "origin",
          match: {
            path: "/shown",
            headers: [
              { name: "x-internal", exact: "hunter-1" },
              { name: "x-other", regex: "hunter-2.*" },
            ],
            query: [{ name: "sig", contains: "hunter-3" }],
          },
          requestHeaders: { set: { "x-origin-verify": "hunter-4" }, add: { Authorization: "hunter-5" } },
          responseHeaders: { set: { "set-cookie": "hunter-6" } },
        },
        {
          name: "b",
          match: [{ path: "/b", headers: [{ name: "c", exact: "hunter-7" }] }],
          cluster: "origin",
          policies: { basicAuth: { users: { ann: hunter13 } } },
        },
        {
          name: "c",
          match: { path: "/c" },
          respond: { status: 200, body: "hunter-8", headers: { h: "hunter-9" } },
        },
      ],
    },
  ],
  clusters: {
    origin: {
      endpoints: ["http://10.0.0.7:81"],
      client: "undici",
      proxy: "http://ann:hunter-14@proxy.example:3128",
      check: { type: "http", path: "/health?token=hunter-10" },
    },
  },
  tracing: { endpoint: "https://user:hunter-11@collector.example/v1/traces?key=hunter-12" },
};

describe("publicConfig", () => {
  const read = readConfig(JSON.stringify(secrets));
  if (!isRight(read)) throw new Error(read.left.map((each) => problemText("f", each)).join("\n"));
  const shown = JSON.stringify(publicConfig(read.right, builtInPolicies));

  test("defect: showed matched values, passwords in URLs, and bodies", () => {
    expect(shown.match(/hunter.\d+/g)).toBeNull();
  });

  test("shows everything else", () => {
    const { listeners, clusters, tracing } = JSON.parse(shown) as Config;
    expect(listeners[0]?.routes[0]).toMatchObject({
      match: { path: "/shown", headers: [{ name: "x-internal", exact: "(not shown)" }, {}] },
      requestHeaders: { set: { "x-origin-verify": "(not shown)" } },
    });
    expect(clusters["origin"]).toMatchObject({
      endpoints: ["http://10.0.0.7:81"],
      check: { path: "/health?(not shown)" },
      proxy: "http://(not shown)@proxy.example:3128",
    });
    expect(tracing?.endpoint).toBe("https://(not shown)@collector.example/v1/traces?(not shown)");
  });
});

describe("a problem does not show", () => {
  const listener = { address: "127.0.0.1:0" };
  const route = { name: "a", cluster: "o" };
  const origin = { o: { endpoints: ["http://10.0.0.7"] } };
  const of = (change: object, cluster: object = origin) => ({
    listeners: [{ ...listener, routes: [{ ...route, ...change }] }],
    clusters: cluster,
  });
  test.each([
    ["a password in an origin", of({}, { o: { endpoints: ["http://ann:hunter@10.0.0.7"] } })],
    [
      "a password in an origin with a weight",
      of({}, { o: { endpoints: [{ url: "http://ann:hunter@10.0.0.7/?hunter" }] } }),
    ],
    [
      "a proxy's password",
      of({}, { o: { endpoints: ["http://10.0.0.7"], proxy: "http://ann:hunter@proxy/path" } }),
    ],
    [
      "a proxy's password without a client for it",
      of({}, { o: { endpoints: ["http://10.0.0.7"], proxy: "http://ann:hunter@proxy" } }),
    ],
    ["a pattern for values", of({ match: { headers: [{ name: "a", regex: "(hunter" }] } })],
    ["two tests of a value", of({ match: { query: [{ name: "a", regex: "a", exact: "hunter" }] } })],
    ["a value that cannot be sent", of({ requestHeaders: { set: { a: "hunter\n" } } })],
    ["fields without the space after the colon", of({ requestHeaders: { set: "authorization:hunter" } })],
    ["credentials of the collector", { ...of({}), tracing: "endpoint:http://ann:hunter@collector/a" }],
    ["a value that is a list", of({ requestHeaders: { set: { a: ["hunter"] } } })],
    ["a list instead of a map", of({ requestHeaders: [{ set: { a: "hunter" } }] })],
    [
      "routes that are not a list",
      { listeners: [{ ...listener, routes: of({ respond: { body: "hunter" } }) }] },
    ],
    ["a password instead of its hash", of({ policies: { basicAuth: { users: { ann: "hunter" } } } })],
    ["a query in a path", of({ rewrite: { path: "/a?hunter" } })],
    [
      "a collector without a path",
      { ...of({}), tracing: { endpoint: "http://ann:hunter@collector?a=hunter" } },
    ],
  ])("%s", (_name, value) => {
    const read = readConfig(JSON.stringify(value));
    const problems = isLeft(read) ? read.left.map((each) => problemText("f", each)).join("\n") : "";
    expect(problems).toMatch(/^f:1:/);
    expect(problems).not.toContain("hunter");
  });

  test("a password in PROXY_UPSTREAM_ADDRS", () => {
    const read = readEnvironment({ PROXY_UPSTREAM_ADDRS: "http://ann:hunter@a.example,http://b?k=hunter" });
    const problems = isLeft(read) ? read.left.map(variableProblemText).join() : "";
    expect(problems).toContain('(got "http://(not shown)@a.example,http://b?(not shown)")');
  });
});

test("property: problems of a damaged file show no secrets", () => {
  const texts = [stringify(secrets), JSON.stringify(secrets, undefined, 1)];
  const damage = fc.record({
    // Close to a secret, or anywhere.
    near: fc.boolean(),
    place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    removed: fc.nat({ max: 3 }),
    added: fc.constantFrom(..." :-[]{},'*&!|>%@`#?\"\n\t", "- ", ": ", "&a ", "!x ", "{a: ", ""),
  });
  type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never;
  const damaged = (text: string, { near, place, removed, added }: Damage): string => {
    const places = [...text.matchAll(/hunter-/g)].map(({ index }) => index);
    const at = near ? (places[Math.floor(place * places.length)] ?? 0) : Math.floor(place * text.length);
    return text.slice(0, at - (near ? removed : 0)) + added + text.slice(at + (near ? 0 : removed));
  };
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(damage, { minLength: 1, maxLength: 3 }),
      (text, damages) => {
        const read = readConfig(damages.reduce(damaged, text));
        const problems = isLeft(read) ? read.left.map((each) => problemText("f", each)) : [];
        // Without the separator, a secret becomes part of an unknown field name.
        const others = problems.filter((problem) => !problem.includes("unknown field"));
        expect(others.join("\n")).not.toContain("hunter-");
      },
    ),
    { numRuns: 300 },
  );
});
