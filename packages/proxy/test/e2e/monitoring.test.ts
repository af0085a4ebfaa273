import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { observed } from "./observed.ts";
import { Prometheus } from "./prometheus.ts";
import { execute, needs, skipWithout } from "./system.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const file = (name: string): string => readFileSync(path(name), "utf8");

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook_url: string };
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const alertsFile = path("../../deploy/prometheus/alerts.yaml");
const alerts = (
  parse(readFileSync(alertsFile, "utf8")) as {
    readonly groups: readonly { readonly rules: readonly Alert[] }[];
  }
).groups.flatMap(({ rules }) => rules);
const committed = JSON.parse(file("../../deploy/grafana/pagoda.json")) as {
  readonly panels: readonly Panel[];
};

/** Each expression with the name of its alert or panel. */
const expressions = [
  // Without its threshold, an alert's expression returns what it compares.
  ...alerts.map(({ alert, expr }) => [alert, expr.replaceAll(/ (?:[<>]=?|[!=]=) [\d.]+/g, "")] as const),
  ...committed.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, forEverything(expr)] as const),
  ),
];

/** The expression with all of the dashboard's variables selected. */
function forEverything(expr: string): string {
  return expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*");
}

describe("the alerts", () => {
  needs("promtool");

  test("alerts pass promtool, and fire when they should and only then", async () => {
    const checked = await execute("promtool", ["check", "rules", "--lint-fatal", alertsFile]);
    expect({ code: checked.code, stderr: checked.stderr }).toEqual({ code: 0, stderr: "" });
    const tested = await execute("promtool", ["test", "rules", path("alerts.yaml")]);
    expect({ code: tested.code, stderr: tested.stderr }).toEqual({ code: 0, stderr: "" });
  });

  test.each(alerts)("$alert is tested, and described in the guide", ({ alert, annotations }) => {
    expect(file("alerts.yaml")).toContain(`alertname: ${alert}\n        exp_alerts:`);
    expect(file("../../../../docs/guides/observability.md")).toContain(`\n### ${alert}\n`);
    expect(annotations.runbook_url).toMatch(
      new RegExp(`/docs/guides/observability\\.md#${alert.toLowerCase()}$`),
    );
  });
});

test("every expression of dashboard and alerts returns a series of a proxy with every policy", async ({
  skip,
}) => {
  skipWithout(skip, "prometheus");
  await using run = await observed();
  await using prometheus = await Prometheus.start(async () => (await run.pagoda.admin("/metrics")).text);
  await prometheus.scraped(1);
  await run.stir();
  // Gauges of the stack appear with the second scrape, and a rate takes two samples.
  const time = await prometheus.scraped(2);
  const results = await Promise.all(expressions.map(([, expr]) => prometheus.query(expr, time)));
  const empty = expressions.filter((_expression, at) => results[at]?.length === 0);
  expect(expressions.length).toBeGreaterThan(50);
  expect(empty).toEqual([]);
});
