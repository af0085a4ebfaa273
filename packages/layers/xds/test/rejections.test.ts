import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { isLeft, right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { assignmentOf } from "../src/assignment.ts";
import { clusterOf } from "../src/cluster.ts";
import { ClusterSchema, HttpProtocolOptionsSchema } from "../src/generated/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../src/generated/endpoint_pb.ts";
import {
  assignment,
  type AssignmentInit,
  changes,
  cluster,
  type ClusterInit,
  endpoint,
} from "@pagoda/xds/testing";
import { cleanUp, connected, keys, said } from "./harness.ts";

cleanUp();

const tls = {
  name: "envoy.transport_sockets.tls",
  typedConfig: {
    typeUrl: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    value: new Uint8Array(),
  },
};
const raw = {
  name: "plain",
  typedConfig: {
    typeUrl: "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    value: new Uint8Array(),
  },
};

function policy(name: string) {
  const typeUrl = `type.googleapis.com/envoy.extensions.load_balancing_policies.${name}`;
  return { typedExtensionConfig: { name, typedConfig: { typeUrl, value: new Uint8Array() } } };
}

function upstreamFilters(...names: readonly string[]) {
  const options = create(HttpProtocolOptionsSchema, { httpFilters: names.map((name) => ({ name })) });
  const typeUrl = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return { any: { typeUrl, value: toBinary(HttpProtocolOptionsSchema, options) } };
}

/** Appends a field that the generated code does not know. */
function withField(no: number) {
  const message = cluster("shop");
  message.$unknown = [{ no, wireType: 2, data: Uint8Array.of(0) }];
  return message;
}

const plain = { endpoints: "shop", tls: false, isLocalityWeighted: false, ignored: [] };

describe("clusters", () => {
  test.each<[string, ClusterInit]>([
    ['type must be EDS or STATIC (got "STRICT_DNS")', { clusterDiscoveryType: { case: "type", value: 1 } }],
    ['type must be EDS or STATIC (got "ORIGINAL_DST")', { clusterDiscoveryType: { case: "type", value: 4 } }],
    ["type must be EDS or STATIC (got 77)", { clusterDiscoveryType: { case: "type", value: 77 } }],
    [
      'cluster_type must be absent (got "envoy.clusters.aggregate")',
      { clusterDiscoveryType: { case: "clusterType", value: { name: "envoy.clusters.aggregate" } } },
    ],
    [
      "load_assignment must be a list of endpoints (missing)",
      { clusterDiscoveryType: { case: "type", value: 0 } },
    ],
    ["eds_cluster_config.eds_config must be ads or self (missing)", { edsClusterConfig: {} }],
    [
      'eds_cluster_config.eds_config must be ads or self (got "api_config_source")',
      {
        edsClusterConfig: {
          edsConfig: { configSourceSpecifier: { case: "apiConfigSource", value: new Uint8Array() } },
        },
      },
    ],
    ["lb_policy must be ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM or MAGLEV (got 99)", { lbPolicy: 99 }],
    [
      'lb_policy must be ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM or MAGLEV (got "CLUSTER_PROVIDED")',
      { lbPolicy: 6 },
    ],
    [
      "load_balancing_policy must be one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM or MAGLEV (missing)",
      { lbPolicy: 7 },
    ],
    [
      'load_balancing_policy must be one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM or MAGLEV (got "envoy.extensions.load_balancing_policies.subset.v3.Subset")',
      { loadBalancingPolicy: { policies: [policy("subset.v3.Subset")] } },
    ],
    [
      'filters must be empty (got "envoy.filters.network.rbac")',
      { filters: [{ name: "envoy.filters.network.rbac" }] },
    ],
    [
      'filters must be empty (got "envoy.filters.http.rbac")',
      {
        typedExtensionProtocolOptions: upstreamFilters(
          "envoy.filters.http.rbac",
          "envoy.filters.http.upstream_codec",
        ),
      },
    ],
    [
      'typed_extension_protocol_options must be envoy.extensions.upstreams.http.v3.HttpProtocolOptions (got "type.googleapis.com/other.Options")',
      { typedExtensionProtocolOptions: { any: { typeUrl: "type.googleapis.com/other.Options" } } },
    ],
    [
      "typed_extension_protocol_options.any cannot be decoded",
      {
        typedExtensionProtocolOptions: {
          any: { ...upstreamFilters("a").any, value: Uint8Array.of(0x32, 0xff) },
        },
      },
    ],
    [
      'transport_socket must be raw_buffer or tls (got "envoy.transport_sockets.alts")',
      { transportSocket: { name: "envoy.transport_sockets.alts" } },
    ],
    [
      'transport_socket_matches must be plain text (got "tlsMode-istio")',
      {
        transportSocketMatches: [
          { name: "tlsMode-istio", transportSocket: tls },
          { name: "none", transportSocket: raw },
        ],
      },
    ],
  ])("%s", (problem, settings) => {
    expect(clusterOf(cluster("shop", settings))).toMatchObject({ left: [problem] });
  });

  test.each([
    [22, "lb_subset_config must be absent"],
    [48, "upstream_config must be absent"],
    [99, "field 99 is not known"],
  ])("field %d is not skipped", (no, problem) => {
    expect(clusterOf(withField(no))).toMatchObject({ left: [problem] });
  });

  test("settings of connections are ignored by name", () => {
    expect(clusterOf(withField(8))).toEqual(right({ name: "shop", ...plain, ignored: ["health_checks"] }));
    const maglev = cluster("shop", { lbPolicy: 5 });
    expect(clusterOf(maglev)).toEqual(right({ name: "shop", ...plain, ignored: ["lb_policy"] }));
    const listed = cluster("shop", {
      lbPolicy: 7,
      loadBalancingPolicy: { policies: [policy("new.v3.New"), policy("random.v3.Random")] },
    });
    expect(clusterOf(listed)).toEqual(right({ name: "shop", ...plain, ignored: ["load_balancing_policy"] }));
  });

  test("plain text is accepted in every form, TLS is noted", () => {
    expect(clusterOf(cluster("shop"))).toEqual(right({ name: "shop", ...plain }));
    for (const transportSocket of [raw, { name: "envoy.transport_sockets.raw_buffer" }])
      expect(clusterOf(cluster("shop", { transportSocket }))).toEqual(right({ name: "shop", ...plain }));
    expect(clusterOf(cluster("shop", { transportSocket: tls }))).toEqual(
      right({ name: "shop", ...plain, tls: true }),
    );
  });
});

describe("endpoints", () => {
  test.each<[string, AssignmentInit]>([
    ["cluster_name must be a name (missing)", { clusterName: "" }],
    [
      'policy.drop_overloads must be empty (got "throttle, lb")',
      { policy: { dropOverloads: [{ category: "throttle" }, { category: "lb" }] } },
    ],
    ["endpoints[0].priority must be 0 (got 1)", { endpoints: [{ priority: 1 }] }],
    [
      "endpoints[0].leds_cluster_locality_config must be absent",
      { endpoints: [{ lbConfig: { case: "ledsClusterLocalityConfig", value: new Uint8Array() } }] },
    ],
    [
      'endpoints[0].lb_endpoints[0].endpoint must be an address (got "a")',
      { endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpointName", value: "a" } }] }] },
    ],
    [
      "endpoints[0].lb_endpoints[0].endpoint.address must be a socket_address (missing)",
      { endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: {} } }] }] },
    ],
    [
      'endpoints[0].lb_endpoints[0].endpoint.address.address must be an IP address (got "shop.example")',
      { endpoints: [{ lbEndpoints: [endpoint("shop.example:80")] }] },
    ],
    [
      "endpoints[0].lb_endpoints[0].endpoint.address.port_value must be an integer from 1 to 65535 (got 0)",
      { endpoints: [{ lbEndpoints: [endpoint("10.0.0.7:0")] }] },
    ],
    [
      "endpoints[0].lb_endpoints[0].load_balancing_weight must be at least 1 (got 0)",
      { endpoints: [{ lbEndpoints: [endpoint("10.0.0.7:80", { weight: 0 })] }] },
    ],
    [
      'endpoints[1].lb_endpoints[0].endpoint.address must be one that no other endpoint has (got "10.0.0.7:80")',
      { endpoints: [{ lbEndpoints: [endpoint("10.0.0.7:80")] }, { lbEndpoints: [endpoint("10.0.0.7:80")] }] },
    ],
  ])("%s", (problem, settings) => {
    const message = create(ClusterLoadAssignmentSchema, {
      clusterName: "shop",
      ...settings,
    } as AssignmentInit);
    expect(assignmentOf(message)).toMatchObject({ left: [problem] });
  });
});

test("a response with an invalid resource is rejected, and its valid resources are used", async () => {
  const { plane, client, events } = await connected();
  const [shop, cart] = [client.endpoints("shop"), client.endpoints("cart")];
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [cluster("cart", { lbPolicy: 99 }), cluster("shop")]));
  const problem =
    'cds "cart": lb_policy must be ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM or MAGLEV (got 99)';
  expect(said(await stream.next())).toEqual({ type: "cds", nonce: "n1", error: problem });
  expect(said(await stream.next())).toEqual({ type: "eds", subscribe: ["shop"] });
  expect(isLeft(await cart.started)).toBe(true);
  expect(cart.lastError).toBe(
    'cds "cart" rejected: lb_policy must be ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM or MAGLEV (got 99)',
  );
  stream.send(changes("2", [assignment("shop", "10.0.0.7:80")]));
  await shop.started;
  expect(keys(shop)).toEqual(["10.0.0.7:80"]);
  expect(events.all).toEqual(["connected", `cds 1 rejected: 1; ${problem}`, "eds 2 accepted: 1"]);
  expect(client.versions.cds).toBe("");
});

test("a rejected change keeps the last valid endpoints", async () => {
  const { plane, client, events } = await connected();
  const source = client.endpoints("shop");
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [cluster("shop")]));
  await stream.next();
  await stream.next();
  stream.send(changes("2", [assignment("shop", "10.0.0.7:80")]));
  await source.started;
  await stream.next();
  const worse = create(ClusterLoadAssignmentSchema, {
    clusterName: "shop",
    endpoints: [{ priority: 1, lbEndpoints: [endpoint("10.0.0.8:80")] }],
  });
  stream.send(changes("3", [worse]));
  await events.until(/^eds 3 rejected/);
  expect(said(await stream.next())).toMatchObject({
    nonce: "n3",
    error: 'eds "shop": endpoints[0].priority must be 0 (got 1)',
  });
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
  expect(source.lastError).toBe('eds "shop" rejected: endpoints[0].priority must be 0 (got 1)');
  expect(source.state().xds["versions"]).toEqual({ cds: "1", eds: "2" });
});

test("a resource that cannot be decoded is rejected by its name", async () => {
  const { plane, client, events } = await connected();
  client.endpoints("shop");
  const stream = await plane.delta.next();
  await stream.next();
  const resource = { ...anyPack(ClusterSchema, cluster("shop")), value: Uint8Array.of(0xff) };
  stream.send({
    systemVersionInfo: "1",
    nonce: "n1",
    typeUrl: resource.typeUrl,
    resources: [{ name: "shop", version: "1", resource }],
  });
  expect(said(await stream.next())).toMatchObject({ error: 'cds "shop": cannot be decoded' });
  const named = { name: "shop", version: "2", resource: anyPack(ClusterSchema, cluster("cart")) };
  stream.send({ systemVersionInfo: "2", nonce: "n2", typeUrl: resource.typeUrl, resources: [named] });
  expect(said(await stream.next())).toMatchObject({ error: 'cds "shop": name must be "shop" (got "cart")' });
  await events.until(/^cds 2 rejected/);
  expect(client.unanswered).toEqual([]);
});

test("in a state-of-the-world response that cannot be decoded, no cluster is missed", async () => {
  const { plane, client } = await connected({ protocol: "sotw" });
  const source = client.endpoints("shop");
  const stream = await plane.sotw.next();
  await stream.next();
  const loadAssignment = { endpoints: [{ lbEndpoints: [endpoint("10.0.0.7:80")] }] };
  const shop = cluster("shop", { clusterDiscoveryType: { case: "type", value: 0 }, loadAssignment });
  const typeUrl = anyPack(ClusterSchema, shop).typeUrl;
  stream.send({ versionInfo: "1", nonce: "n1", typeUrl, resources: [anyPack(ClusterSchema, shop)] });
  await stream.next();
  stream.send({
    versionInfo: "2",
    nonce: "n2",
    typeUrl,
    resources: [{ typeUrl, value: Uint8Array.of(0xff) }],
  });
  expect(said(await stream.next())).toMatchObject({ version: "1", error: "resource 0: cannot be decoded" });
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
});

test("a cluster that requires TLS is rejected where it is called without", async () => {
  const { plane, client } = await connected();
  const source = client.endpoints("shop");
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [cluster("shop", { transportSocket: tls })]));
  const problem = "transport_socket requires TLS, which is not configured for this cluster";
  expect(said(await stream.next())).toMatchObject({ nonce: "n1", error: `cds "shop": ${problem}` });
  await stream.next();
  stream.send(changes("2", [assignment("shop", "10.0.0.7:443")]));
  expect(await source.started).toMatchObject({ left: { problems: [problem] } });
  await stream.next();
  expect(source.endpoints).toEqual([]);
  const secure = client.endpoints("shop", { tls: true });
  expect(secure.endpoints.map(({ key }) => key)).toEqual(["https://10.0.0.7:443"]);
  expect(source.endpoints).toEqual([]);
});

test("a rejected cluster leaves the last valid one, which follows its endpoints (defect: was)", async () => {
  const { plane, client } = await connected();
  const source = client.endpoints("shop");
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [cluster("shop")]));
  await stream.next();
  await stream.next();
  stream.send(changes("2", [assignment("shop", "10.0.0.7:80")]));
  await stream.next();
  expect(keys(source)).toEqual(["10.0.0.7:80"]);
  stream.send(changes("3", [cluster("shop", { transportSocket: tls })]));
  expect(said(await stream.next())).toMatchObject({ error: expect.stringContaining("requires TLS") });
  stream.send(changes("4", [assignment("shop", "10.0.0.8:80")]));
  await stream.next();
  expect(keys(source)).toEqual(["10.0.0.8:80"]);
});
