import { createServer } from "node:http";
import { bodies } from "../e2e/client.ts";
import { listen, type Origin } from "../e2e/origin.ts";
import { until } from "../e2e/program.ts";
import type { KubernetesCluster } from "./cluster.ts";

/** Where the slices of the namespace `default` are. */
export const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const port = 8080;

/** Creates an object unless the API server already has it. */
export async function created(cluster: KubernetesCluster, path: string, object: object): Promise<unknown> {
  const { status, body } = await cluster.call("POST", path, object);
  if (status !== 201 && status !== 409) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** Creates the service `shop`, and its namespace. */
export async function createShop(cluster: KubernetesCluster): Promise<void> {
  await created(cluster, "/api/v1/namespaces", { metadata: { name: "default" } });
  await created(cluster, "/api/v1/namespaces/default/services", {
    metadata: { name: "shop" },
    spec: { ports: [{ name: "http", port: 80, targetPort: port }] },
  });
}

/** The slice of the service with these endpoints, in which nothing else changes. */
function slice(name: string, endpoints: readonly object[]): object {
  return {
    metadata: { name, labels: { "kubernetes.io/service-name": "shop" } },
    addressType: "IPv4",
    ports: [{ name: "http", port, protocol: "TCP" }],
    endpoints,
  };
}

/** Creates or replaces a slice. */
export async function setSlice(
  cluster: KubernetesCluster,
  name: string,
  ...endpoints: readonly object[]
): Promise<void> {
  const { status } = await cluster.call("PUT", `${slices}/${name}`, slice(name, endpoints));
  if (status !== 200) await created(cluster, slices, slice(name, endpoints));
}

export function ready(address: string, isReady: boolean = true): object {
  return { addresses: [address], conditions: { ready: isReady } };
}

/** A pod that answers with its address. */
export function pod(address: string): Promise<Origin> {
  return listen(
    createServer((_request, response) => response.end(address)),
    port,
    "http",
    address,
  );
}

/** Settles when only these pods answer, and all of them do. */
export async function answering(url: string, ...addresses: readonly string[]): Promise<void> {
  await until(
    async () => new Set(await bodies(url, 8)),
    (seen) => seen.size === addresses.length && addresses.every((address) => seen.has(address)),
  );
}
