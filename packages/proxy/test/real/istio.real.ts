import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call } from "../e2e/client.ts";
import { configured, Folder, through } from "../e2e/configured.ts";
import { until } from "../e2e/program.ts";
import { adopt } from "../e2e/system.ts";
import { adminToken, type KubernetesCluster, kubernetesCluster } from "./cluster.ts";
import { answering, created, createShop, pod, ready, setSlice, slices } from "./pods.ts";

const grpcPort = 15010;

let cluster: KubernetesCluster;

beforeAll(async () => {
  cluster = await kubernetesCluster();
  await cluster.start();
  await createShop(cluster);
  await created(cluster, "/api/v1/namespaces", { metadata: { name: "istio-system" } });
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** istiod, as an administrator of the cluster and without TLS of its own. Settles when it serves. */
async function istiod(): Promise<AsyncDisposable> {
  const { folder, origin } = cluster;
  const kubeconfig = folder.write("kubeconfig", {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    clusters: [{ name: "test", cluster: { server: origin, "certificate-authority": folder.file("ca.pem") } }],
    users: [{ name: "admin", user: { token: adminToken } }],
  });
  const args = [
    "discovery",
    `--kubeconfig=${kubeconfig}`,
    `--grpcAddr=127.0.0.1:${grpcPort}`,
    "--secureGRPCAddr=",
    "--httpsAddr=",
    "--httpAddr=127.0.0.1:15080",
    "--monitoringAddr=127.0.0.1:15014",
    "--ctrlz_port=0",
  ];
  const env = {
    ...process.env,
    POD_NAMESPACE: "istio-system",
    POD_NAME: "istiod",
    INJECTION_WEBHOOK_CONFIG_NAME: "",
    VALIDATION_WEBHOOK_CONFIG_NAME: "",
    ENABLE_CA_SERVER: "false",
    PILOT_CERT_PROVIDER: "none",
  };
  const child = adopt(
    spawn("pilot-discovery", args, { cwd: folder.path, env, stdio: ["ignore", "pipe", "pipe"] }),
  );
  const ended = once(child, "close");
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => (output += `${line}\n`));
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`istiod ended:\n${output}`);
      return call("http://127.0.0.1:15080/ready").then(
        ({ status }) => status,
        () => 0,
      );
    },
    (status) => status === 200,
  );
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** A proxy whose cluster is the service, as the guide describes. */
function pagoda(folder: Folder, protocol: "delta" | "sotw", metadata: object) {
  const node = { id: "router~10.199.0.1~edge-1.default~default.svc.cluster.local", metadata };
  const xds = { server: `http://127.0.0.1:${grpcPort}`, node, protocol };
  const config = { ...through({ xds: "outbound|80||shop.default.svc.cluster.local" }), control: { xds } };
  return configured(folder, config, { PROXY_WORKERS: "2" });
}

test.each(["delta", "sotw"] as const)(
  "Istio's control plane gives the endpoints of a service, and their changes (%s)",
  async (protocol) => {
    await using _one = await pod("10.199.0.11");
    await using _two = await pod("10.199.0.12");
    await setSlice(cluster, "shop-a", ready("10.199.0.11"));
    using folder = new Folder();
    await using plane = await istiod();
    await using proxy = await pagoda(folder, protocol, { GENERATOR: "grpc" });
    await answering(proxy.url, "10.199.0.11");
    await setSlice(cluster, "shop-b", ready("10.199.0.12"));
    await answering(proxy.url, "10.199.0.11", "10.199.0.12");
    await setSlice(cluster, "shop-a", ready("10.199.0.11", false));
    await answering(proxy.url, "10.199.0.12");
    await plane[Symbol.asyncDispose]();
    await proxy.log("control plane disconnected; keeping the last known endpoints");
    await answering(proxy.url, "10.199.0.12");
    expect((await cluster.call("DELETE", `${slices}/shop-b`)).status).toBe(200);
    await setSlice(cluster, "shop-a", ready("10.199.0.11"));
    await using _restarted = await istiod();
    await answering(proxy.url, "10.199.0.11");
    expect(await proxy.metric("pagoda_xds_updates_total", { result: "rejected" })).toBe(0);
  },
);

test("what Istio sends to Envoy as a gateway is rejected, with the names of its filters", async () => {
  using folder = new Folder();
  await using _plane = await istiod();
  await using proxy = await pagoda(folder, "delta", {});
  const { problems } = await proxy.log("control plane update rejected");
  expect(problems).toEqual([
    expect.stringContaining('filters must be empty (got "istio.metadata_exchange")'),
    expect.stringContaining('transport_socket_matches must be plain text (got "tlsMode-istio")'),
  ]);
});
