import { describe, expect, test } from "vitest";
import { main } from "../src/cli.ts";
import { parts } from "../src/parts.ts";
import { brokenTimeout } from "./broken/calls.ts";

/** Runs the command; each look at the real time finds it one second later. */
async function simulate(
  args: readonly string[],
  broken = {},
): Promise<{ code: number; out: string[]; error: string[] }> {
  const out: string[] = [];
  const error: string[] = [];
  let now = 0;
  const terminal = { out: (line: string) => out.push(line), error: (line: string) => error.push(line) };
  const code = await main(args, { ...terminal, now: () => (now += 1_000) }, { ...parts, ...broken });
  return { code, out, error };
}

describe("simulate", () => {
  test("runs one seed and prints a summary", async () => {
    const { code, out, error } = await simulate(["--seed", "3", "--calls", "200", "--stack", "server"]);
    expect([code, error]).toEqual([0, []]);
    expect(out).toHaveLength(1);
    expect(out[0]).toMatch(
      /^seed 3, server, 200 calls in [\d.]+ s of virtual time, digest [0-9a-f]{16}: ok \d+/u,
    );
  });

  test("--for continues with the following seeds and other stacks until the time is up", async () => {
    const { code, out } = await simulate(["--seed", "5", "--calls", "50", "--for", "4"]);
    expect(code).toBe(0);
    expect(out.map((line) => line.split(",").slice(0, 2).join())).toEqual([
      "seed 5, client",
      "seed 6, server",
      "seed 7, gateway",
      "seed 8, direct",
    ]);
  });

  test("stops at a violated invariant and prints how to reproduce it", async () => {
    const args = ["--seed", "1", "--calls", "300", "--stack", "server", "--for", "100"];
    const { code, error } = await simulate(args, { timeout: brokenTimeout({ keepsListener: true }) });
    expect(code).toBe(1);
    expect(error).toHaveLength(1);
    expect(error[0]).toMatch(
      /^invariant violated: no timer or listener leaks\n {2}observed: .+\n {2}at: [\d.]+ ms, seed 1\n/u,
    );
    expect(error[0]).toContain("reproduce: npm run simulate -- --seed 1 --calls 300 --stack server");
  });

  test.each([
    [["--seed", "-1"], "--seed"],
    [["--seed", "1.5"], '--seed must be an integer from 0 to 4294967295 (got "1.5")'],
    [["--calls", "0"], '--calls must be an integer from 1 to 100000000 (got "0")'],
    [["--for", "soon"], '(got "soon")'],
    [["--stack", "house"], '--stack must be "client", "server", "gateway", "direct" or "mesh" (got "house")'],
    [["--sed", "1"], "--sed"],
  ])("refuses %j with the usage", async (args, problem) => {
    const { code, out, error } = await simulate(args);
    expect([code, out]).toEqual([2, []]);
    expect(error.join()).toContain(problem);
    expect(error.join()).toContain("Usage: npm run simulate");
  });
});
