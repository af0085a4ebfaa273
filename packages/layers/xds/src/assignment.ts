import { isIP } from "node:net";
import { canonicalAddress, type Either, left, mustBe, right } from "@pagoda/core";
import type { Address } from "./generated/core_pb.ts";
import type { ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints } from "./generated/endpoint_pb.ts";
import type { Locality } from "./endpoint.ts";

/** Endpoints of a cluster, as the control plane groups them. */
export interface Assignment {
  readonly name: string;
  readonly localities: readonly AssignedLocality[];
}

export interface AssignedLocality {
  readonly locality: Locality | undefined;
  /** Its share of the calls, if localities are weighted; undefined: none. */
  readonly weight: number | undefined;
  readonly endpoints: readonly AssignedEndpoint[];
}

export interface AssignedEndpoint {
  readonly address: string;
  readonly port: number;
  readonly host: string | undefined;
  readonly weight: number;
  readonly unhealthy: string | undefined;
}

/** `undefined`: the endpoint may be called. */
const statuses: readonly (string | undefined)[] = [
  undefined,
  undefined,
  "UNHEALTHY",
  undefined,
  "TIMEOUT",
  "DEGRADED",
];

/** An endpoint that is about to leave gets no calls even if too few others are healthy, as in gRPC. */
const draining = 3;

/**
 * Validates the endpoints of a cluster. Priorities and drops are rejected: to ignore them would
 * send calls where they should not go. `Left`: each problem with its field.
 */
export function assignmentOf(message: ClusterLoadAssignment): Either<readonly string[], Assignment> {
  const problems: string[] = [];
  const { clusterName: name, policy } = message;
  if (name === "") problems.push(mustBe("cluster_name", "a name", undefined));
  const drops = policy?.dropOverloads ?? [];
  if (drops.length > 0)
    problems.push(mustBe("policy.drop_overloads", "empty", drops.map(({ category }) => category).join(", ")));
  const seen = new Set<string>();
  const localities = message.endpoints.map((each, at) =>
    localityOf(each, `endpoints[${at}]`, seen, problems),
  );
  return problems.length > 0 ? left(problems) : right({ name, localities });
}

function localityOf(
  { locality, priority, loadBalancingWeight, lbEndpoints, lbConfig }: LocalityLbEndpoints,
  at: string,
  seen: Set<string>,
  problems: string[],
): AssignedLocality {
  if (priority !== 0) problems.push(mustBe(`${at}.priority`, "0", priority));
  if (lbConfig.case === "ledsClusterLocalityConfig")
    problems.push(`${at}.leds_cluster_locality_config must be absent`);
  const listed = lbConfig.case === "loadBalancerEndpoints" ? lbConfig.value.lbEndpoints : lbEndpoints;
  const endpoints = listed.flatMap((each, n) => endpointOf(each, `${at}.lb_endpoints[${n}]`, seen, problems));
  const { region = "", zone = "", subZone = "" } = locality ?? {};
  const place = { ...(region && { region }), ...(zone && { zone }), ...(subZone && { subZone }) };
  return {
    locality: Object.keys(place).length > 0 ? place : undefined,
    weight: loadBalancingWeight,
    endpoints,
  };
}

function endpointOf(
  { hostIdentifier, healthStatus, loadBalancingWeight: weight = 1 }: LbEndpoint,
  at: string,
  seen: Set<string>,
  problems: string[],
): AssignedEndpoint[] {
  if (hostIdentifier.case !== "endpoint") {
    problems.push(mustBe(`${at}.endpoint`, "an address", hostIdentifier.value));
    return [];
  }
  const { address, hostname } = hostIdentifier.value;
  const place = addressOf(address, `${at}.endpoint.address`, problems);
  if (weight === 0) problems.push(mustBe(`${at}.load_balancing_weight`, "at least 1", weight));
  if (place === undefined) return [];
  const key = `${place.address} ${place.port}`;
  if (seen.has(key))
    problems.push(mustBe(`${at}.endpoint.address`, "one that no other endpoint has", textOf(place)));
  seen.add(key);
  if (healthStatus === draining) return [];
  const unhealthy = healthStatus < statuses.length ? statuses[healthStatus] : `health status ${healthStatus}`;
  return [{ ...place, host: hostname || undefined, weight, unhealthy }];
}

function addressOf(
  message: Address | undefined,
  at: string,
  problems: string[],
): { readonly address: string; readonly port: number } | undefined {
  const found = message?.address;
  if (found?.case !== "socketAddress") {
    problems.push(mustBe(at, "a socket_address", found?.case));
    return undefined;
  }
  const { protocol, address, portSpecifier } = found.value;
  if (protocol !== 0) problems.push(mustBe(`${at}.protocol`, "TCP", protocol === 1 ? "UDP" : protocol));
  const canonical = isIP(address) === 0 ? undefined : canonicalAddress(address);
  if (canonical === undefined) problems.push(mustBe(`${at}.address`, "an IP address", address));
  const port = portSpecifier.case === "portValue" ? portSpecifier.value : 0;
  if (port < 1 || port > 65_535)
    problems.push(mustBe(`${at}.port_value`, "an integer from 1 to 65535", portSpecifier.value));
  return canonical === undefined ? undefined : { address: canonical, port };
}

/** `10.0.0.7:8080`, `[fd00::7]:8080`. */
export function textOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
