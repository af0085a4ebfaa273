import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { until } from "../../packages/proxy/test/e2e/program.ts";
import {
  adminToken,
  type KubernetesCluster,
  kubernetesCluster,
} from "../../packages/proxy/test/real/cluster.ts";
import { command } from "../command.ts";
import { rendered } from "../manifests/manifests.ts";
import { chart, charts, following, values } from "./charts.ts";

/** The module with the definitions of the resources of Prometheus's operator. */
const operator = "github.com/prometheus-operator/prometheus-operator@v0.85.0";

/** Values with which the chart must be accepted. */
const variants = {
  "no values": {},
  "a load balancer, secrets and places": {
    image: "registry.example/pagoda@sha256:0000",
    imagePullSecrets: [{ name: "registry" }],
    secrets: [{ name: "shop-tls", mountPath: "/tls" }],
    service: { annotations: { a: "b" }, spec: { type: "LoadBalancer", externalTrafficPolicy: "Local" } },
    pod: {
      nodeSelector: { a: "b" },
      tolerations: [{ key: "a", operator: "Exists" }],
      priorityClassName: "high",
    },
  },
  autoscaling: { autoscaling: { enabled: true } },
  "a network policy": {
    networkPolicy: {
      enabled: true,
      metricsFrom: [{ namespaceSelector: { matchLabels: { name: "monitoring" } } }],
    },
  },
  "no metrics, no preStop, another account": { metricsPort: 0, preStopSeconds: 0, serviceAccount: "other" },
  "services of several namespaces": { config: following("default", "kube-system"), metricsPort: 0 },
  "a sidecar with services": {
    mode: "sidecar",
    config: following("default"),
    metricsPort: 0,
    serviceAccount: "shop",
  },
};
describe("the API server", () => {
  let cluster: KubernetesCluster;
  beforeAll(async () => {
    cluster = await kubernetesCluster();
    await cluster.start();
    for (const name of ["default", "kube-system"])
      await cluster.call("POST", "/api/v1/namespaces", { metadata: { name } });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test.each(Object.entries(variants))("accepts the chart with %s", async (_name, content) => {
    const text = await rendered(chart, "pagoda", values(content));
    expect(await cluster.apply(text, { dryRun: true })).toEqual([]);
  });

  test("accepts the example", async () => {
    expect(await cluster.apply(await rendered(join(charts, "example"), "shop"), { dryRun: true })).toEqual(
      [],
    );
  });

  test("accepts what the chart has for the operator of Prometheus", async () => {
    for (const name of ["podmonitors", "prometheusrules"]) await define(name);
    const content = {
      podMonitor: { enabled: true },
      prometheusRule: { enabled: true, labels: { release: "a" } },
    };
    const text = await rendered(chart, "pagoda", values(content));
    expect(await cluster.apply(text, { dryRun: true })).toEqual([]);
    const wrong = text.replace("podMetricsEndpoints:", "endpoints:");
    expect(await cluster.apply(wrong, { dryRun: true })).toEqual([
      expect.stringMatching(/^PodMonitor pagoda: /),
    ]);
  });

  /** Defines a resource of the operator. Settles when the API server knows it. */
  async function define(name: string): Promise<void> {
    const { output } = await command("go", ["mod", "download", "-json", operator]);
    const { Dir } = JSON.parse(output) as { readonly Dir: string };
    const file = join(Dir, "example/prometheus-operator-crd", `monitoring.coreos.com_${name}.yaml`);
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const { status } = await cluster.call("POST", path, parse(readFileSync(file, "utf8")) as object);
    expect(status).toBe(201);
    await until(
      () => cluster.call("GET", `/apis/monitoring.coreos.com/v1/${name}`),
      (answer) => answer.status === 200,
    );
  }

  test("has the release after helm install, and a new configuration without a restart after helm upgrade", async () => {
    const connection = ["--kube-apiserver", cluster.origin, "--kube-ca-file", cluster.folder.file("ca.pem")];
    const helm = async (...args: readonly string[]): Promise<void> => {
      const { code, output } = await command("helm", [...args, ...connection, "--kube-token", adminToken]);
      expect(code === 0 ? "" : output).toBe("");
    };
    const deployment = async (): Promise<unknown> =>
      (await cluster.call("GET", "/apis/apps/v1/namespaces/default/deployments/edge-pagoda")).body;
    const of = (content: object) => ["edge", chart, ...values({ ...content, metricsPort: 0 })];
    await helm("install", ...of({ config: following("default") }));
    expect(await deployment()).toMatchObject({ metadata: { generation: 1 } });
    const config = following("default", "kube-system");
    await helm("upgrade", ...of({ config }));
    expect(await deployment()).toMatchObject({ metadata: { generation: 1 } });
    const map = await cluster.call("GET", "/api/v1/namespaces/default/configmaps/edge-pagoda");
    expect(map.body).toMatchObject({ data: { "pagoda.yaml": `${config}\n` } });
    await helm("upgrade", ...of({ config, image: "registry.example/pagoda:2" }));
    expect(await deployment()).toMatchObject({ metadata: { generation: 2 } });
    await helm("uninstall", "edge");
    expect(await deployment()).toMatchObject({ kind: "Status", code: 404 });
  });

  test("allows the gateway to follow the services of its clusters, and nothing else", async () => {
    const content = { config: following("default", "kube-system"), metricsPort: 0 };
    expect(await cluster.apply(await rendered(chart, "pagoda", values(content)))).toEqual([]);
    for (const namespace of ["default", "kube-system"])
      expect(await added(namespace)).toEqual([
        { verbs: ["list", "watch"], apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
      ]);
    expect(await added("kube-public")).toEqual([]);
  });

  /** What the service account may do in a namespace beyond what every user may. */
  async function added(namespace: string): Promise<readonly object[]> {
    const path = "/api/v1/namespaces/default/serviceaccounts/pagoda/token";
    const { body } = await cluster.call("POST", path, { spec: { expirationSeconds: 600 } });
    const { token } = (body as { readonly status: { readonly token: string } }).status;
    const review = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    const answer = await cluster.call("POST", review, { spec: { namespace } }, token);
    const { resourceRules } = (
      answer.body as { readonly status: { readonly resourceRules: readonly Rule[] } }
    ).status;
    return resourceRules.filter(({ apiGroups }) => !apiGroups.every((group) => reviews.has(group)));
  }
});

interface Rule {
  readonly apiGroups: readonly string[];
}

/** Every user may ask what it may do. */
const reviews = new Set(["authorization.k8s.io", "authentication.k8s.io"]);
