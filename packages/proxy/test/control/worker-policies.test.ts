import { isLeft } from "@pagoda/core";
import { pino } from "pino";
import { expect, test } from "vitest";
import { WorkerPolicies } from "../../src/control/worker-policies.ts";
import { isChanged } from "../../src/plugins/loader.ts";
import { builtInPolicies, stacksText } from "../../src/policies/registry.ts";
import { Folder } from "../e2e/configured.ts";
import { quota } from "../plugin-source.ts";

const builtInStacks = stacksText(builtInPolicies);
const withQuota = builtInStacks.replace(" timeout, cache", " quota, timeout, cache");

function workerPolicies() {
  const lines: unknown[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { lines, policies: new WorkerPolicies(log) };
}

function pluginIn(folder: Folder) {
  return { name: "./quota.js", url: `file://${folder.write("quota.js", quota())}` };
}

test("without plugins a worker has the built-in policies", async () => {
  expect(await workerPolicies().policies.of([], builtInStacks)).toMatchObject({ right: builtInPolicies });
});

test("a worker with other policies than the main process serves nothing", async () => {
  using folder = new Folder();
  const { policies } = workerPolicies();
  const refused = await policies.of([pluginIn(folder)], builtInStacks);
  expect(isLeft(refused) && refused.left.reason).toBe(
    `the policies of a worker must be ${builtInStacks} (got ${withQuota})`,
  );
});

test("a worker reports a plugin that has changed since the main process loaded it", async () => {
  using folder = new Folder();
  const plugin = pluginIn(folder);
  const { policies, lines } = workerPolicies();
  expect(isChanged(plugin)).toBe(true);
  expect(isLeft(await policies.of([plugin], withQuota))).toBe(false);
  expect(lines).toMatchObject([
    { plugin: "./quota.js", msg: "plugin changed since the main process loaded it" },
  ]);
});

test("a plugin that cannot be loaded is a refusal that names it", async () => {
  const { policies } = workerPolicies();
  const refused = await policies.of([{ name: "./gone.js", url: "file:///gone.js" }], withQuota);
  expect(isLeft(refused) && refused.left.reason).toContain("plugin ./gone.js: failed to load: ");
});
