import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { simulate } from "../../src/commands/simulate.ts";
import { Folder } from "../e2e/configured.ts";
import { configuration, scenario } from "../simulation/simulated.ts";

/** Runs the command in a folder with a configuration and a scenario. */
async function ran(
  args: readonly string[],
  { config = configuration(), of = scenario() }: { readonly config?: object; readonly of?: object } = {},
) {
  using folder = new Folder();
  const files = ["-c", folder.write("pagoda.yaml", config), "-s", folder.write("scenario.yaml", of)];
  folder.write(
    "other.yaml",
    configuration({ route: { policies: { retry: {} } }, cluster: { balance: "least-request" } }),
  );
  let stdout = "";
  let stderr = "";
  const code = await simulate.run(
    [...files, ...args].map((arg) => arg.replace("FOLDER", folder.file("."))),
    { env: {}, stdout: (text) => void (stdout += text), stderr: (text) => void (stderr += text) },
  );
  const written = (name: string): string => readFileSync(folder.file(name), "utf8");
  return { code, stdout, stderr, html: args.includes("--html") ? written("report.html") : "" };
}

const errors = { events: [{ at: "2s", for: "5s", origin: "shop", does: "errors 20%" }] };

test("prints what clients would have seen, and exits with 0", async () => {
  const { code, stdout, stderr } = await ran([]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^success +100%$/m);
  expect(stdout).toMatch(/^latency p99 +\d\d(\.\d)?ms$/m);
  expect(stdout).toMatch(/^amplification +1$/m);
  expect(stdout).toMatch(/^shop\[2\] +\d+ +33\.\d%/m);
});

describe("expectations", () => {
  test("that hold change nothing", async () => {
    const expected = { success: "> 99%", p50: "<= 20ms", p99: "< 0.1s", amplification: ">= 1" };
    expect(await ran([], { of: scenario({ expect: expected }) })).toMatchObject({ code: 0, stderr: "" });
  });

  test("that do not hold are listed, and the exit code is 1", async () => {
    const { code, stderr, stdout } = await ran([], {
      of: scenario({ ...errors, expect: { success: "> 99.9%", p99: "< 25ms", amplification: "< 1.5" } }),
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^success +(8|9)\d\.\d%$/m);
    expect(
      stderr
        .replaceAll(/\S+pagoda\.yaml/g, "pagoda.yaml")
        .trimEnd()
        .split("\n"),
    ).toEqual([
      expect.stringMatching(/^pagoda\.yaml: success must be > 99\.9% \(got (8|9)\d\.\d%\)$/),
      expect.stringMatching(/^pagoda\.yaml: p99 must be < 25ms \(got [23]\d(\.\d)?ms\)$/),
    ]);
  });

  test("do not hold if there is nothing to measure", async () => {
    const { code, stderr } = await ran([], {
      of: scenario({ events: [{ at: "0s", origin: "shop", does: "die" }], expect: { p99: "< 1s" } }),
    });
    expect(code).toBe(1);
    expect(stderr).toContain("p99 must be < 1s (got none)");
  });

  test("apply to each run", async () => {
    const { code, stderr } = await ran(["--runs", "3", "--seed", "5"], {
      of: scenario({ ...errors, expect: { success: "> 99.9%" } }),
    });
    expect(code).toBe(1);
    expect(stderr.match(/seed \d/g)).toEqual(["seed 5", "seed 6", "seed 7"]);
  });
});

test("--json prints everything as data", async () => {
  const { stdout } = await ran(["--json", "--seed", "3"], { of: scenario(errors) });
  const { configurations, unmet } = JSON.parse(stdout) as {
    configurations: {
      title: string;
      runs: { seed: number; success: number; series: { sent: number[] } }[];
    }[];
    unmet: string[];
  };
  const [run] = configurations[0]?.runs ?? [];
  expect(run?.seed).toBe(3);
  expect(run?.success).toBeLessThan(0.95);
  expect(run?.series.sent).toHaveLength(100);
  expect(unmet).toEqual([]);
});

test("--runs shows the median with the lowest and the highest", async () => {
  const { stdout } = await ran(["--runs", "4"], { of: scenario(errors) });
  expect(stdout).toMatch(/^success +[89]\d(\.\d)?% \([89]\d(\.\d)?% to [89]\d(\.\d)?%\)$/m);
});

test("--compare puts another configuration beside it", async () => {
  const { code, stdout } = await ran(["--compare", "FOLDER/other.yaml"], {
    of: scenario({ ...errors, expect: { success: "> 0%" } }),
  });
  expect(code).toBe(0);
  const [, one = 0, other = 0] = (/^success +(\S+)% +(\S+)%$/m.exec(stdout) ?? []).map(Number);
  expect(one).toBeLessThan(95);
  expect(other).toBeGreaterThan(98);
});

test("--html writes a report that needs nothing else", async () => {
  const careful = configuration({
    cluster: { outliers: { ejection: "1s" }, policies: { circuitBreaker: {} } },
    route: { policies: { retry: {} } },
  });
  const { code, html } = await ran(
    ["--html", "FOLDER/report.html", "--compare", "FOLDER/other.yaml", "--runs", "2"],
    {
      config: careful,
      of: scenario({
        events: [{ at: "2s", for: "5s", origin: "shop[1]", does: "die" }],
        expect: { success: "> 99.999%", p50: "< 1ms" },
      }),
    },
  );
  expect(code).toBe(1);
  expect(html).toMatch(/^<!doctype html>/);
  expect(html.match(/<svg /g)).toHaveLength(14);
  // No address of anything to load, and text is escaped.
  expect(html).not.toMatch(/(?:src|href)=|url\(|@import/);
  expect(html).toContain("latency p50, expected &#60; 1ms");
  expect(html).toMatch(/<p class="unmet">\S+pagoda\.yaml: p50 must be &#60; 1ms \(got .*, seed 2<\/p>/);
  expect(html).toContain("<td>endpoint ejected</td>");
  expect(html).toMatch(/<rect class="out" [^>]*><title>[^<]*(?:ejected|circuit)/);
});

describe("problems", () => {
  test("of the scenario and of the configuration have their places, and exit with 2", async () => {
    const { code, stdout, stderr } = await ran([], { of: { load: [], origins: {} } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      /^\S+scenario\.yaml:1:\d+: load: must be a list with at least one entry \(got \[\]\)\n$/,
    );
    const wrong = await ran([], { config: { listeners: [] } });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/pagoda\.yaml:1:\d+: listeners: must be a list with at least one entry/);
  });

  test.each([
    [["--seed", "x"], "--seed must be an integer from 0 to 4294967295 (got x)"],
    [["--runs", "0"], "--runs must be an integer from 1 to 1000 (got 0)"],
    [["now"], 'unknown argument "now"'],
    [["--fast"], "unknown option '--fast'"],
  ])("of the arguments %j", async (args, problem) => {
    const { code, stderr } = await ran(args);
    expect(code).toBe(2);
    expect(stderr).toBe(`pagoda simulate: ${problem}; see pagoda --help\n`);
  });

  test("without a scenario, or with one that cannot be read", async () => {
    const io = { env: {}, stdout: () => {}, stderr: (text: string) => lines.push(text) };
    const lines: string[] = [];
    expect(await simulate.run([], io)).toBe(2);
    expect(
      await simulate.run(["-s", "/nowhere.yaml"], { ...io, env: { PROXY_UPSTREAM_ADDRS: "http://a:1" } }),
    ).toBe(2);
    expect(lines).toEqual([
      "pagoda simulate: requires a scenario: -s FILE; see pagoda --help\n",
      "/nowhere.yaml: cannot be read: ENOENT\n",
    ]);
  });
});
