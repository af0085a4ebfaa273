import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { readConfig } from "../../packages/proxy/src/config/read.ts";
import {
  adminToken,
  type KubernetesCluster,
  kubernetesCluster,
} from "../../packages/proxy/test/real/cluster.ts";
import { command } from "../command.ts";
import { copyCharts, folder, manifests, rendered } from "../manifests/manifests.ts";
import { root } from "../workspace.ts";

const charts = mkdtempSync(join(tmpdir(), "pagoda-charts-"));
const chart = join(charts, "chart");
copyCharts(charts);
afterAll(() => rmSync(charts, { recursive: true }));

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: object;
}

function resources(text: string): readonly Resource[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Resource);
}

/** The arguments for these values. */
function values(content: object): readonly string[] {
  const file = join(charts, "values.json");
  writeFileSync(file, JSON.stringify(content));
  return ["--values", file];
}

/** A configuration that follows services of these namespaces. */
function following(...namespaces: readonly string[]): string {
  const clusters = namespaces.map((namespace) => [
    namespace,
    { kubernetes: { service: "shop", namespace, port: "http" } },
  ]);
  return JSON.stringify({
    listeners: [{ name: "main", address: "0.0.0.0:8080", routes: [{ name: "all", cluster: namespaces[0] }] }],
    clusters: Object.fromEntries(clusters) as unknown,
    drain: { timeout: "1.5m" },
  });
}

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

test("the manifests are the output of `npm run manifests`", async () => {
  for (const [name, text] of await manifests())
    expect(readFileSync(join(folder, name), "utf8"), "run `npm run manifests`").toBe(text);
});

describe("the chart", () => {
  test("passes helm lint, also as a part of the example", async () => {
    for (const each of ["chart", "example"]) {
      const { code, output } = await command("helm", ["lint", "--strict", join(charts, each)]);
      expect({ each, problems: code === 0 ? "" : output }).toEqual({ each, problems: "" });
    }
  });

  test.each([
    [
      "port: 9",
      { ports: [{ name: "http", port: 80, targetPort: 9 }] },
      "ports[0].targetPort must be the port of a listener",
    ],
    ["metrics", { metricsPort: 9 }, "metricsPort must be the port of a listener in config, or 0 (got 9)"],
    ["monitor", { metricsPort: 0, podMonitor: { enabled: true } }, "podMonitor requires metricsPort"],
    ["yaml", { config: "listeners: [" }, "config must be YAML"],
    [
      "sidecar",
      { mode: "sidecar", config: following("default"), metricsPort: 0 },
      "serviceAccount must be that of the pod",
    ],
    ["mode", { mode: "gatway" }, "mode"],
    ["unknown", { replica: 3 }, "replica"],
  ])("refuses values that contradict each other: %s", async (_name, content, problem) => {
    await expect(rendered(chart, "pagoda", values(content))).rejects.toThrow(problem);
  });

  test("gives pods the time of preStop and of the drain", async () => {
    const of = async (content: object): Promise<unknown> =>
      resources(await rendered(chart, "pagoda", values(content))).find(({ kind }) => kind === "Deployment")
        ?.spec;
    expect(await of({})).toMatchObject({
      template: {
        spec: {
          terminationGracePeriodSeconds: 40,
          containers: [{ lifecycle: { preStop: { sleep: { seconds: 5 } } } }],
        },
      },
    });
    const long = { preStopSeconds: 20, metricsPort: 0, config: following("default") };
    expect(await of(long)).toMatchObject({
      template: { spec: { terminationGracePeriodSeconds: 20 + 90 + 10 } },
    });
  });

  test("mounts a service account token only if it needs one", async () => {
    const config = following("default").replaceAll(/"kubernetes":\{.*?\}/g, '"endpoints":["http://a:80"]');
    const made = resources(await rendered(chart, "pagoda", values({ config, metricsPort: 0 })));
    expect(made.map(({ kind }) => kind)).not.toContain("Role");
    expect(made.find(({ kind }) => kind === "Deployment")?.spec).toMatchObject({
      template: { spec: { automountServiceAccountToken: false } },
    });
  });

  test("has the alerts and a monitor for the operator of Prometheus", async () => {
    const content = {
      podMonitor: { enabled: true },
      prometheusRule: { enabled: true, labels: { release: "a" } },
    };
    const made = resources(await rendered(chart, "pagoda", values(content)));
    const alerts = readFileSync(join(folder, "../prometheus/alerts.yaml"), "utf8");
    expect(made.find(({ kind }) => kind === "PrometheusRule")).toMatchObject({
      metadata: { labels: { release: "a" } },
      spec: resources(alerts)[0],
    });
    expect(made.find(({ kind }) => kind === "PodMonitor")?.spec).toMatchObject({
      podMetricsEndpoints: [{ port: "metrics", interval: "30s" }],
    });
  });

  test("accepts the configuration of the guide", async () => {
    const guide = readFileSync(join(root, "docs/guides/kubernetes.md"), "utf8");
    const [, config = ""] = /```yaml\n(.*?)```/s.exec(guide) ?? [];
    const made = resources(await rendered(chart, "pagoda", values({ config, metricsPort: 0 })));
    expect(made.find(({ kind }) => kind === "ConfigMap")).toMatchObject({ data: { "pagoda.yaml": config } });
  });

  test("has valid configurations", async () => {
    for (const [each, release] of [
      ["chart", "pagoda"],
      ["example", "shop"],
    ] as const) {
      const made = resources(await rendered(join(charts, each), release));
      const map = made.find(({ kind }) => kind === "ConfigMap") as
        | { readonly data?: Record<string, string> }
        | undefined;
      expect(readConfig(map?.data?.["pagoda.yaml"] ?? "")).toMatchObject({ _tag: "Right" });
    }
  });
});

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
