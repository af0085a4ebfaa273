import { create } from "@bufbuild/protobuf";
import { isLeft } from "@pagoda/core";
import { expect, test } from "vitest";
import { assignmentOf } from "../src/assignment.ts";
import { clusterOf } from "../src/cluster.ts";
import { endpointsIn } from "../src/flatten.ts";
import { ClusterLoadAssignmentSchema } from "../src/generated/endpoint_pb.ts";
import { type AssignmentInit, cluster, endpoint } from "@pagoda/xds/testing";

function flat(message: AssignmentInit, isLocalityWeighted = false) {
  const valid = assignmentOf(
    create(ClusterLoadAssignmentSchema, { clusterName: "shop", ...message } as AssignmentInit),
  );
  if (isLeft(valid)) throw new Error(valid.left.join("\n"));
  return endpointsIn(valid.right, { scheme: "http", isLocalityWeighted });
}

const twoZones: AssignmentInit = {
  endpoints: [
    {
      locality: { region: "eu", zone: "eu-1" },
      loadBalancingWeight: 3,
      lbEndpoints: [endpoint("10.0.0.1:80", { weight: 1 }), endpoint("10.0.0.2:80", { weight: 2 })],
    },
    {
      locality: { zone: "eu-2", subZone: "b" },
      loadBalancingWeight: 1,
      lbEndpoints: [endpoint("10.0.0.3:80")],
    },
    { lbEndpoints: [endpoint("10.0.0.4:80")] },
  ],
};

test("localities are kept with their endpoints; their weights do not count by themselves", () => {
  expect(flat(twoZones).map(({ key, weight, locality }) => [key, weight, locality])).toEqual([
    ["http://10.0.0.1:80", 1, { region: "eu", zone: "eu-1" }],
    ["http://10.0.0.2:80", 2, { region: "eu", zone: "eu-1" }],
    ["http://10.0.0.3:80", 1, { zone: "eu-2", subZone: "b" }],
    ["http://10.0.0.4:80", 1, undefined],
  ]);
});

test("weighted localities share the calls, and one without weight gets none", () => {
  expect(flat(twoZones, true).map(({ key, weight }) => [key, weight])).toEqual([
    ["http://10.0.0.1:80", 1],
    ["http://10.0.0.2:80", 2],
    ["http://10.0.0.3:80", 1],
  ]);
  expect(
    clusterOf(cluster("shop", { commonLbConfig: { localityWeightedLbConfig: new Uint8Array() } })),
  ).toMatchObject({
    right: { isLocalityWeighted: true },
  });
});

test("the health that the control plane reports is kept with its name, and draining endpoints are left out", () => {
  const lbEndpoints = [0, 1, 2, 3, 4, 5, 6].map((health) => endpoint(`10.0.0.${health + 1}:80`, { health }));
  expect(flat({ endpoints: [{ lbEndpoints }] }).map(({ unhealthy }) => unhealthy)).toEqual([
    undefined,
    undefined,
    "UNHEALTHY",
    "TIMEOUT",
    "DEGRADED",
    "health status 6",
  ]);
});

test("a list of endpoints inside lb_config is read, and names are kept for TLS", () => {
  const one = endpoint("::ffff:10.0.0.7:80");
  const value = { ...one.hostIdentifier.value, hostname: "shop.internal" };
  const lbEndpoints = [{ ...one, hostIdentifier: { case: "endpoint" as const, value } }];
  const listed = flat({
    endpoints: [{ lbConfig: { case: "loadBalancerEndpoints", value: { lbEndpoints } } }],
  });
  expect(listed).toMatchObject([{ key: "http://10.0.0.7:80", address: "10.0.0.7", host: "shop.internal" }]);
});
