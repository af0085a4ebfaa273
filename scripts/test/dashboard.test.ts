import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dashboard } from "../dashboard/dashboard.ts";
import { root } from "../workspace.ts";

const committed = readFileSync(join(root, "packages/proxy/deploy/grafana/pagoda.json"), "utf8");

test("the committed dashboard is the output of `npm run dashboard`", () => {
  expect(JSON.parse(committed), "run `npm run dashboard`").toEqual(JSON.parse(JSON.stringify(dashboard())));
});

test("the dashboard uses exactly its variables", () => {
  const names = dashboard().templating.list?.map(({ name }) => name);
  const used = Array.from(committed.matchAll(/\$(?!__)(\w+)/gu), ([, name]) => name);
  expect(new Set(used)).toEqual(new Set(names));
});
