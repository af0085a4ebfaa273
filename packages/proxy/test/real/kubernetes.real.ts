import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { call } from "../e2e/client.ts";
import { configured, through } from "../e2e/configured.ts";
import { until } from "../e2e/program.ts";
import { deployed, type KubernetesCluster, kubernetesCluster } from "./cluster.ts";
import { answering, created, createShop, pod, ready, setSlice, slices } from "./pods.ts";

let cluster: KubernetesCluster;
let token: string;

beforeAll(async () => {
  cluster = await kubernetesCluster();
  await cluster.start();
  await createShop(cluster);
  const refusals = await cluster.apply(deployed("rbac.yaml"));
  if (refusals.length > 0) throw new Error(refusals.join("\n"));
  token = await requestToken();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** A token of the service account in the manifest, as the kubelet requests it for a pod. */
async function requestToken(): Promise<string> {
  const path = "/api/v1/namespaces/default/serviceaccounts/pagoda/token";
  const answer = await created(cluster, path, { spec: { expirationSeconds: 600 } });
  return (answer as { readonly status: { readonly token: string } }).status.token;
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
    await setSlice(cluster, "shop-a", ready("10.199.0.11"), ready("10.199.0.12", false));
    await using proxy = await pagoda();
    await answering(proxy.url, "10.199.0.11");
    await setSlice(cluster, "shop-b", ready("10.199.0.13"));
    await answering(proxy.url, "10.199.0.11", "10.199.0.13");
    await setSlice(cluster, "shop-a", ready("10.199.0.11", false), ready("10.199.0.12"));
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
    await setSlice(cluster, "shop-a", ready("10.199.0.11"));
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
    await setSlice(cluster, "shop-a", ready("10.199.0.12"));
    await answering(proxy.url, "10.199.0.12");
  });
});

test("the API server's word for a version that is too old is the one that the source expects", async () => {
  const { body } = await cluster.call("GET", `${slices}?watch=1&resourceVersion=1&timeoutSeconds=1`);
  const [first = ""] = (typeof body === "string" ? body : JSON.stringify(body)).split("\n");
  const event = JSON.parse(first) as { readonly type?: string; readonly object?: object };
  expect(event.type === undefined ? event : event.object).toMatchObject({ kind: "Status", code: 410 });
});
