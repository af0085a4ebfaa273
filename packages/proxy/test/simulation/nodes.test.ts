import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const example = (name: string) => join(root, "packages/proxy/examples/simulate", name);

/** Other supported release lines, from npm, for linux-x64 only. */
const others = ["node-22", "node-26"];

/** Those with functions that engines may round differently: decay, histograms, square roots. */
const scenarios = [
  ["slow-endpoint", "peak-ewma"],
  ["hedging", "hedge"],
  ["overload", "limit"],
] as const;

function outputOf(binary: string, scenario: string, config: string) {
  const files = ["-c", example(`${scenario}/${config}.yaml`), "-s", example(`${scenario}/scenario.yaml`)];
  const main = join(root, "packages/proxy/src/main.ts");
  return spawnSync(binary, [main, "simulate", ...files, "--json"], {
    encoding: "utf8",
    maxBuffer: 64 * 1_024 ** 2,
  });
}

const outputsHere = new Map<string, ReturnType<typeof outputOf>>();

/** The same on the Node that runs the tests. */
function outputHere(scenario: string, config: string) {
  const key = `${scenario}/${config}`;
  const output = outputsHere.get(key) ?? outputOf(process.execPath, scenario, config);
  outputsHere.set(key, output);
  return output;
}

for (const name of others) {
  const binary = join(root, "node_modules", name, "bin/node");
  const { status, error, stderr } = spawnSync(binary, ["--version"], { encoding: "utf8" });

  test.for(scenarios)(
    `the result on ${name} is the same to the last bit: %s, %s`,
    ([scenario, config], { skip }) => {
      // npm has no binary for this platform, or it needs a library that is missing here.
      skip(status !== 0, `${name} does not start: ${error?.message ?? stderr?.trim()}`);
      const here = outputHere(scenario, config);
      const there = outputOf(binary, scenario, config);
      expect(here.stderr).toBe("");
      expect(there.stdout).toBe(here.stdout);
      expect(here.stdout).toContain('"digest":"');
    },
  );
}
