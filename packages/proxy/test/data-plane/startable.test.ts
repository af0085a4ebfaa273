import { generateKeyPairSync } from "node:crypto";
import { testAuthority } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { isLeft } from "@pagoda/core";
import { pino } from "pino";
import { expect, test } from "vitest";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { readConfig } from "../../src/config/read.ts";
import type { ClusterConfig } from "../../src/config/schema/cluster.ts";
import { kubernetesEndpoints } from "@pagoda/kubernetes";
import { CentralEndpoints } from "../../src/data-plane/central-endpoints.ts";
import { endpointsOf } from "../../src/data-plane/endpoints.ts";
import { startDataPlane } from "../../src/data-plane/data-plane.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { anyValue, type Schema } from "../config/any-value.ts";

const actions = ["cluster", "clusters", "redirect", "respond"];
const edits = ["requestHeaders", "responseHeaders"];

/** The last of several options, which is the object where there is one. */
function anyOf(schema: Schema): Schema {
  return schema.anyOf?.at(-1) as Schema;
}

function at(...path: readonly string[]): Schema {
  let schema = jsonSchema() as Schema;
  for (const part of path)
    schema = (
      part === "[]" ? schema.items : part === "*" ? schema.additionalProperties : schema.properties?.[part]
    ) as Schema;
  return schema;
}

/** One random field of an object: several at once would mostly be rejected. */
function anyField({ properties = {} }: Schema, without: readonly string[] = []): fc.Arbitrary<object> {
  const fields = Object.entries(properties).filter(([name]) => !without.includes(name));
  return fc.oneof(...fields.map(([name, field]) => fc.record({ [name]: anyValue(field) })));
}

const certified = testAuthority().issue({ names: "DNS:shop.example" });
const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keySet = JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), alg: "ES256" }] });

/** Every file exists: any name but those of the certificate is a set of keys, or a secret. */
class Files extends Map<string, string> {
  override get(name: string): string {
    return super.get(name) ?? keySet;
  }
}
const files = new Files([
  ["certificate", certified.certificate],
  ["key", certified.key],
]);

const listener = { name: "main", address: "127.0.0.1:0" };
const route = { name: "all", cluster: "shop" };
const shop = { endpoints: ["http://127.0.0.1:1"] };
const serving = { ...listener, routes: [route] };
const onRoute = (parts: object): object => ({
  listeners: [{ ...listener, routes: [{ ...route, ...parts }] }],
  clusters: { shop },
});
const certificates = [{ certificate: "certificate", key: "key" }];

/** Settings by place, and a configuration with them there. Files are read before a data plane starts. */
const places: readonly (readonly [place: string, fc.Arbitrary<object>, (parts: object) => object])[] = [
  [
    "the policies of a listener",
    anyField(at("listeners", "[]", "policies")),
    (policies) => ({ listeners: [{ ...serving, policies }], clusters: { shop } }),
  ],
  [
    "the policies of a route",
    anyField(at("listeners", "[]", "routes", "[]", "policies")),
    (policies) => onRoute({ policies }),
  ],
  [
    "a cluster",
    anyField(at("clusters", "*"), ["endpoints", "dns", "srv", "file", "tls", "policies"]),
    (parts) => ({ listeners: [serving], clusters: { shop: { ...shop, ...parts } } }),
  ],
  [
    "the policies of a cluster",
    anyField(at("clusters", "*", "policies")),
    (policies) => ({ listeners: [serving], clusters: { shop: { ...shop, policies } } }),
  ],
  [
    "the TLS settings of a cluster",
    anyField(at("clusters", "*", "tls"), ["ca", "certificate", "key"]),
    (tls) => ({
      listeners: [serving],
      clusters: { shop: { endpoints: ["https://127.0.0.1:1"], tls: { ca: "certificate", ...tls } } },
    }),
  ],
  [
    "a weighted endpoint",
    anyField(anyOf(at("clusters", "*", "endpoints", "[]")), ["url"]),
    (parts) => ({
      listeners: [serving],
      clusters: {
        shop: { balance: "weighted-round-robin", endpoints: [{ url: "http://127.0.0.1:1", ...parts }] },
      },
    }),
  ],
  [
    "a listener",
    anyField(at("listeners", "[]"), ["address", "tls", "policies", "routes"]),
    (parts) => ({ listeners: [{ ...serving, ...parts }], clusters: { shop } }),
  ],
  [
    "the TLS settings of a listener",
    anyField(at("listeners", "[]", "tls"), ["certificates", "clients"]),
    (tls) => ({ listeners: [{ ...serving, tls: { certificates, ...tls } }], clusters: { shop } }),
  ],
  [
    "a route",
    anyField(at("listeners", "[]", "routes", "[]"), ["name", "policies", ...actions]),
    (parts) => onRoute(parts),
  ],
  [
    "the action of a route",
    anyField(at("listeners", "[]", "routes", "[]"), ["name", "policies", "match", "rewrite", ...edits]),
    (parts) => onRoute({ cluster: undefined, ...parts }),
  ],
  [
    "the rest",
    anyField(jsonSchema() as Schema, ["listeners", "clusters", "admin", "tracing"]),
    (parts) => ({ listeners: [serving], clusters: { shop }, ...parts }),
  ],
];

test.each(places)("every configuration that passes the check starts: %s", async (_, settings, configOf) => {
  await fc.assert(
    fc.asyncProperty(settings, async (parts) => {
      const read = readConfig(JSON.stringify(configOf(parts)));
      fc.pre(!isLeft(read));
      if (isLeft(read)) return;
      const errors: string[] = [];
      const log = pino({ level: "error" }, { write: (line: string) => errors.push(line) });
      const context = { log, policies: builtInPolicies, ticketSecret: new Uint8Array(32) };
      const plane = await startDataPlane({ config: read.right, files }, context);
      if (isLeft(plane)) throw plane.left.cause;
      await plane.right.drain(0);
      expect(errors).toEqual([]);
    }),
    { numRuns: 60, maxSkipsPerRun: 1_000 },
  );
});

/** On loopback: nothing is asked of another machine. */
const servers = fc.array(
  fc.constantFrom(..."127.0.0.1 127.0.0.1:0 127.0.0.1:1 127.0.0.1:65535 [::1] ::1 [::1]:1".split(" ")),
  { minLength: 1, maxLength: 2 },
);

test.each([
  ["dns", fc.record({ dns: anyValue(at("clusters", "*", "dns")), servers })],
  ["srv", fc.record({ srv: anyValue(at("clusters", "*", "srv")), servers })],
  ["file", fc.record({ file: anyValue(at("clusters", "*", "file")), servers: fc.constant(undefined) })],
])("every source of endpoints that passes the check starts: %s", (kind, sources) => {
  fc.assert(
    fc.property(sources, ({ servers, ...source }) => {
      const its = Object.values(source)[0] as object | string;
      const shop = { [kind]: typeof its === "string" ? its : { ...its, servers } };
      const read = readConfig(JSON.stringify({ listeners: [serving], clusters: { shop } }));
      fc.pre(!isLeft(read));
      if (isLeft(read)) return;
      const context = { log: pino({ level: "silent" }), central: new CentralEndpoints() };
      endpointsOf(read.right.clusters["shop"] as ClusterConfig, context).close();
    }),
    { numRuns: 60, maxSkipsPerRun: 1_000 },
  );
});

test("every Kubernetes service that passes the check starts", () => {
  const server = { origin: "https://127.0.0.1:1", tokenFile: "/nowhere", caFile: "/nowhere" };
  fc.assert(
    fc.property(anyValue(at("clusters", "*", "kubernetes")), (kubernetes) => {
      const read = readConfig(JSON.stringify({ listeners: [serving], clusters: { shop: { kubernetes } } }));
      fc.pre(!isLeft(read));
      if (isLeft(read)) return;
      const settings = read.right.clusters["shop"]?.kubernetes;
      if (settings !== undefined) kubernetesEndpoints({ ...settings, server }).close();
    }),
    { numRuns: 60, maxSkipsPerRun: 1_000 },
  );
});
