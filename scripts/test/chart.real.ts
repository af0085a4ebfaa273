import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../packages/proxy/src/config/read.ts";
import { command } from "../command.ts";
import { folder, manifests, rendered } from "../manifests/manifests.ts";
import { root } from "../workspace.ts";
import { chart, charts, following, resources, values } from "./charts.ts";

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
