import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { alertsCopy, alertsFile, folder, madeFrom, names } from "../manifests/manifests.ts";

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
