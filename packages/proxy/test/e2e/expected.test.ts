import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { configuration, scenario } from "../simulation/simulated.ts";
import { Folder } from "./configured.ts";
import { run } from "./program.ts";
import { execute, need } from "./system.ts";

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[];
}

/** The file of alerts for what a scenario expects. */
async function alertsFor(folder: Folder, expected: object): Promise<string> {
  const files = ["-c", folder.write("pagoda.yaml", configuration())];
  files.push("-s", folder.write("scenario.yaml", scenario({ expect: expected })));
  const { code, output } = await run({}, "simulate", ...files, "--alerts", folder.file("alerts.yaml"));
  expect({ code, output }).toMatchObject({ code: 0 });
  return folder.file("alerts.yaml");
}

test("alerts for what a scenario expects pass promtool, and fire when it is broken and only then", async () => {
  need("promtool");
  using folder = new Folder();
  const file = await alertsFor(folder, { success: "> 99%", p99: "< 300ms", amplification: "< 1.25" });
  const checked = await execute("promtool", ["check", "rules", "--lint-fatal", file]);
  expect({ code: checked.code, stderr: checked.stderr }).toEqual({ code: 0, stderr: "" });
  const tests = readFileSync(new URL("expected.yaml", import.meta.url), "utf8");
  const written = folder.write("tests.yaml", tests.replace("RULES", file));
  const tested = await execute("promtool", ["test", "rules", written]);
  expect({ code: tested.code, stderr: tested.stderr }).toEqual({ code: 0, stderr: "" });
});

test("there is an alert for each expectation", async () => {
  using folder = new Folder();
  const bounds = { success: ">= 99%", p50: "< 1s", p90: "< 1s", p99: "< 1s", p999: "< 1s" };
  const { groups } = parse(
    readFileSync(await alertsFor(folder, { ...bounds, amplification: "<= 2" }), "utf8"),
  ) as Rules;
  expect(groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))).toEqual(
    ["Success", "P50", "P90", "P99", "P999", "Amplification"].map((name) => `PagodaExpected${name}`),
  );
});

test("a file of alerts that cannot be written fails the command", async () => {
  using folder = new Folder();
  const files = ["-c", folder.write("pagoda.yaml", configuration()), "-s"];
  files.push(folder.write("scenario.yaml", scenario()));
  const { code, output } = await run({}, "simulate", ...files, "--alerts", folder.file("none/alerts.yaml"));
  expect(code).toBe(1);
  expect(output).toContain("none/alerts.yaml cannot be written: ENOENT\n");
});
