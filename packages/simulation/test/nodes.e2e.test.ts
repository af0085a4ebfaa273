import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { run } from "../src/run.ts";
import { stackNames } from "../src/stacks/index.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const main = join(root, "packages/simulation/src/main.ts");
const calls = 5_000;
const seed = 4;

/** The other supported release lines, from npm, for linux-x64 only. */
const others = ["node-22", "node-26"].map((name) => ({
  name,
  binary: join(root, "node_modules", name, "bin/node"),
}));

describe("the same seed gives the same run", () => {
  test.each(stackNames)("twice in one process: %s", async (stack) => {
    const first = await run({ seed, calls, stack });
    const second = await run({ seed, calls, stack });
    expect(second.digest).toBe(first.digest);
    expect([...second.tally]).toEqual([...first.tally]);
  });

  test("another seed gives another run", async () => {
    const [one, two] = [
      await run({ seed: 1, calls: 500, stack: "direct" }),
      await run({ seed: 2, calls: 500, stack: "direct" }),
    ];
    expect(one.digest).not.toBe(two.digest);
  });

  for (const { name, binary } of others) {
    const { status, error, stderr } = spawnSync(binary, ["--version"], { encoding: "utf8" });

    test.for(stackNames)(`on ${name}: %s`, async (stack, { skip }) => {
      // npm has no binary for this platform, or it needs a library that is missing here.
      skip(status !== 0, `${name} does not start: ${error?.message ?? stderr?.trim()}`);
      const here = await run({ seed, calls, stack });
      const args = [main, "--seed", `${seed}`, "--calls", `${calls}`, "--stack", stack];
      const { stdout } = await promisify(execFile)(binary, args);
      expect(stdout).toContain(`digest ${here.digest}:`);
    });
  }
});
