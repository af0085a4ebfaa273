import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { alertsCopy, alertsFile, folder, madeFrom, names } from "../manifests/manifests.ts";
import { root } from "../workspace.ts";

// `npm run test:real` has Helm, and compares them with its output.
test.each(names)("%s is the output of `npm run manifests`", (name) => {
  const [, line, body = ""] =
    /^(?:# .*\n)*?# (Made by .*)\n([^]*)$/.exec(readFileSync(join(folder, name), "utf8")) ?? [];
  expect(line, "run `npm run manifests`").toBe(madeFrom(body));
});

test("the chart has the alerts", () => {
  expect(
    readFileSync(alertsCopy, "utf8"),
    "copy deploy/prometheus/alerts.yaml, or run `npm run manifests`",
  ).toBe(readFileSync(alertsFile, "utf8"));
});

test("the chart's values are in its schema, and explained in the guide", () => {
  const values = Object.keys(parse(readFileSync(join(folder, "chart/values.yaml"), "utf8")) as object);
  const schema = JSON.parse(readFileSync(join(folder, "chart/values.schema.json"), "utf8")) as {
    readonly properties: object;
  };
  // Helm adds `global` to charts that are part of another one.
  expect(Object.keys(schema.properties).filter((name) => name !== "global")).toEqual(values);
  const guide = readFileSync(join(root, "docs/guides/kubernetes.md"), "utf8");
  const rows = Array.from(guide.matchAll(/^\| (`[^|]*) \|/gm), ([, names = ""]) => names).join();
  expect(values.filter((name) => !rows.includes(`\`${name}\``))).toEqual([]);
});
