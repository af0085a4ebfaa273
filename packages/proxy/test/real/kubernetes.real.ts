import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { bodies, call } from "../e2e/client.ts";
import { configured, through } from "../e2e/configured.ts";
import { listen, type Origin } from "../e2e/origin.ts";
import { until } from "../e2e/program.ts";
import { deployed, type KubernetesCluster, kubernetesCluster } from "./cluster.ts";

const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const port = 8080;

let cluster: KubernetesCluster;
let token: string;

beforeAll(async () => {
  cluster = await kubernetesCluster();
  await cluster.start();
  await created("/api/v1/namespaces", { metadata: { name: "default" } });
  const refusals = await cluster.apply(deployed("rbac.yaml"));
  if (refusals.length > 0) throw new Error(refusals.join("\n"));
  await created("/api/v1/namespaces/default/services", {
    metadata: { name: "shop" },
    spec: { ports: [{ name: "http", port: 80, targetPort: port }] },
  });
  token = await requestToken();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** Creates an object unless the API server already has it. */
async function created(path: string, object: object): Promise<unknown> {
  const { status, body } = await cluster.call("POST", path, object);
  if (status !== 201 && status !== 409) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** A token of the service account in the manifest, as the kubelet requests it for a pod. */
async function requestToken(): Promise<string> {
  const path = "/api/v1/namespaces/default/serviceaccounts/pagoda/token";
  const answer = await created(path, { spec: { expirationSeconds: 600 } });
  return (answer as { readonly status: { readonly token: string } }).status.token;
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
async function set(name: string, ...endpoints: readonly object[]): Promise<void> {
  const { status } = await cluster.call("PUT", `${slices}/${name}`, slice(name, endpoints));
  if (status !== 200) await created(slices, slice(name, endpoints));
}

function ready(address: string, isReady: boolean = true): object {
  return { addresses: [address], conditions: { ready: isReady } };
}

/** A pod that answers with its address. */
function pod(address: string): Promise<Origin> {
  return listen(
    createServer((_request, response) => response.end(address)),
    port,
    "http",
    address,
  );
}

/** `pagoda` with the endpoints of the service, and the token of its service account. */
function pagoda() {
  const { folder, origin } = cluster;
  writeFileSync(folder.file("token"), token);
  const kubernetes = { service: "shop", namespace: "default", port: "http" };
  return configured(
    folder,
    { ...through({ kubernetes }), kubernetes: { server: origin, tokenFile: "token", ca: "ca.pem" } },
    { PROXY_WORKERS: "2" },
  );
}

/** Settles when only these pods answer, and all of them do. */
async function answering(url: string, ...addresses: readonly string[]): Promise<void> {
  await until(
    async () => new Set(await bodies(url, 8)),
    (seen) => seen.size === addresses.length && addresses.every((address) => seen.has(address)),
  );
}

describe("the manifests", () => {
  test.each(["rbac.yaml", "gateway.yaml", "sidecar.yaml"])("%s is accepted", async (file) => {
    expect(await cluster.apply(deployed(file), { dryRun: true })).toEqual([]);
  });

  test("are validated strictly", async () => {
    const wrong = deployed("gateway.yaml").replace("serviceAccountName", "serviceAccountNames");
    expect(await cluster.apply(wrong, { dryRun: true })).toEqual([
      expect.stringMatching(/^Deployment pagoda: .*serviceAccountNames/),
    ]);
  });

  test("allow the service account to follow endpoints and nothing else", async () => {
    const as = async (method: string, path: string): Promise<number> =>
      (await cluster.call(method, path, undefined, token)).status;
    expect(await as("GET", slices)).toBe(200);
    expect(await as("DELETE", `${slices}/shop`)).toBe(403);
    expect(await as("GET", "/api/v1/namespaces/default/secrets")).toBe(403);
    expect(await as("GET", "/apis/discovery.k8s.io/v1/endpointslices")).toBe(403);
    const [account, , binding] = parseAllDocuments(deployed("rbac.yaml")).map(
      (each) => each.toJS() as object,
    );
    expect(account).toMatchObject({ kind: "ServiceAccount", metadata: { name: "pagoda" } });
    expect(binding).toMatchObject({ subjects: [{ kind: "ServiceAccount", name: "pagoda" }] });
  });
});

describe("endpoints of a service", () => {
  test("are followed, in all slices and with their conditions", async () => {
    await using _one = await pod("10.199.0.11");
    await using _two = await pod("10.199.0.12");
    await using _three = await pod("10.199.0.13");
    await set("shop-a", ready("10.199.0.11"), ready("10.199.0.12", false));
    await using proxy = await pagoda();
    await answering(proxy.url, "10.199.0.11");
    await set("shop-b", ready("10.199.0.13"));
    await answering(proxy.url, "10.199.0.11", "10.199.0.13");
    await set("shop-a", ready("10.199.0.11", false), ready("10.199.0.12"));
    await answering(proxy.url, "10.199.0.12", "10.199.0.13");
    expect((await cluster.call("DELETE", `${slices}/shop-b`)).status).toBe(200);
    await answering(proxy.url, "10.199.0.12");
    expect(proxy.logs.filter(({ level }) => level >= 40)).toEqual([]);
    await cluster.call("DELETE", `${slices}/shop-a`);
    await until(
      () => call(proxy.url),
      ({ status }) => status === 503,
    );
  });

  test("are kept while the API server is dead, and followed when it is back", async () => {
    await using _one = await pod("10.199.0.11");
    await using _two = await pod("10.199.0.12");
    await set("shop-a", ready("10.199.0.11"));
    await using proxy = await pagoda();
    await until(
      () => proxy.metric("pagoda_kubernetes_connected"),
      (value) => value === 1,
    );
    await cluster.kill();
    await proxy.log("endpoint discovery failed; keeping the last known endpoints");
    await answering(proxy.url, "10.199.0.11");
    const [worker] = await proxy.workers();
    process.kill(worker as number, "SIGKILL");
    await proxy.log("worker restarted");
    await answering(proxy.url, "10.199.0.11");
    await cluster.start();
    await proxy.log("endpoint discovery works again");
    await set("shop-a", ready("10.199.0.12"));
    await answering(proxy.url, "10.199.0.12");
  });
});

test("the API server's word for a version that is too old is the one that the source expects", async () => {
  const { body } = await cluster.call("GET", `${slices}?watch=1&resourceVersion=1&timeoutSeconds=1`);
  const [first = ""] = (typeof body === "string" ? body : JSON.stringify(body)).split("\n");
  const event = JSON.parse(first) as { readonly type?: string; readonly object?: object };
  expect(event.type === undefined ? event : event.object).toMatchObject({ kind: "Status", code: 410 });
});
