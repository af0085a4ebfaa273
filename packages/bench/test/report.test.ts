import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { chart } from "../proxy/chart.ts";
import type { Result } from "../proxy/measure.ts";
import { readOptions } from "../proxy/options.ts";
import { cpuTable, footprintTable, latencyTable, partsTable, type Row } from "../proxy/report.ts";
import { targetTable } from "../proxy/targets.ts";

const measured = (cpuUs: number): Result => ({
  samples: [{ cpuUs, userTicks: 3, kernelTicks: 1, requestsPerSecond: 1_000, busy: 0.5, p50Ms: 1, p99Ms: 2 }],
});
const row = (name: string, result: Result): Row<Result> => ({ name, label: name, result });

/** The cells of each line. */
const cells = (text: string | undefined): string[][] =>
  (text ?? "").split("\n").map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe("the tables of the proxy benchmark", () => {
  test("compare CPU time with the first proxy that was measured, and show why others were not", () => {
    const table = cpuTable(
      [row("skipped", { failure: "a | b\nc" }), row("nginx", measured(20)), row("other", measured(50))],
      127,
    );
    expect(cells(table).map((line) => line.slice(0, 9))).toEqual([
      [
        "proxy",
        "user µs",
        "kernel µs",
        "CPU µs",
        "vs nginx",
        "least CPU µs",
        "vs nginx",
        "req/s",
        "core busy",
      ],
      Array.from({ length: 9 }, () => "---"),
      ["skipped", "a \\| b c", "", "", "", "", "", "", ""],
      ["nginx", "15.0", "5.0", "20.0", "1.00", "20.0", "1.00", "1000", "50%"],
      ["other", "37.5", "12.5", "50.0", "2.50", "50.0", "2.50", "1000", "50%"],
    ]);
  });

  test("show bytes per CPU second where bodies are large", () => {
    const table = cpuTable([row("nginx", measured(500)), row("other", measured(1_000))], 1_000_000);
    expect(cells(table).map((line) => line.slice(-2))).toEqual([
      ["MB per CPU second", "vs nginx"],
      ["---", "---"],
      ["2000", "1.00"],
      ["1000", "0.50"],
    ]);
  });

  test("show the latency that a proxy adds to the origin's", () => {
    const latency = {
      requestsPerSecond: 500,
      proxied: { p50: 1, p99: 3, p999: 9 },
      direct: { p50: 0.4, p99: 1, p999: 2 },
    };
    const rows = [row("nginx", { ...measured(20), latency } as Result), row("gone", { failure: "no" })];
    expect(cells(latencyTable(rows)).slice(2)).toEqual([
      ["nginx", "500", "0.60 ms", "2.00 ms", "7.00 ms", "1.00 ms", "3.00 ms", "9.00 ms"],
    ]);
    expect(latencyTable([row("nginx", measured(1))])).toBeUndefined();
  });

  test("show what each part of the mesh costs", () => {
    const rows = [
      row("pagoda-mesh", measured(38)),
      row("without-retry", measured(36.5)),
      row("nginx", measured(10)),
    ];
    expect(cells(partsTable(rows)).slice(2)).toEqual([["retry", "1.5", "1.5"]]);
    expect(partsTable(rows.slice(2))).toBeUndefined();
  });

  test("show memory for each idle connection in KiB", () => {
    const result = {
      startMs: 12,
      residentMiB: 40,
      proportionalMiB: 30,
      idleConnectionKiB: 10.2,
      loadedMiB: 50,
    };
    expect(cells(footprintTable([{ name: "nginx", label: "nginx", result }])).at(-1)).toEqual([
      "nginx",
      "12 ms",
      "40.0",
      "30.0",
      "50.0",
      "10.2",
    ]);
  });
});

describe("the targets", () => {
  const results: Readonly<Record<string, string>> = {
    "small-get.md": `### GET, 127 bytes, 1 request at a time

| proxy | vs nginx | least CPU µs | vs nginx |
| --- | --- | --- | --- |
| nginx | 1.00 | 1.0 | 1.00 |
| pagoda, default stack | 9.00 | 9.0 | 9.00 |

### GET, 127 bytes, 64 requests at a time

| proxy | vs nginx | least CPU µs | vs nginx |
| --- | --- | --- | --- |
| nginx | 1.00 | 10.0 | 1.00 |
| pagoda, default stack | 1.60 | 15.0 | 1.50 |
| pagoda, mesh | 1.80 | 18.5 | 1.85 |

At half of each one's capacity, open loop:

| proxy | added p99 | p99 |
| --- | --- | --- |
| nginx | 0.10 ms | 2.00 ms |
| pagoda, default stack | 0.20 ms | 3.10 ms |
`,
    "get-1m.md": `### GET, 1 MiB, 64 requests at a time

| proxy | least CPU µs |
| --- | --- |
| nginx | 400.0 |
| pagoda, default stack | 500.0 |
`,
  };

  test("are compared with the results under the right heading", () => {
    const table = cells(targetTable((file) => results[file] ?? ""));
    expect(table.slice(2, 4).map((line) => line.slice(1))).toEqual([
      ["≤ 1.5 × nginx", "1.50", "yes"],
      ["≤ 1.7 × nginx", "1.85", "no"],
    ]);
    const of = (what: string): string[] | undefined =>
      table.find(([first]) => first?.includes(what))?.slice(2);
    expect(of("mesh adds")).toEqual(["3.50", "no"]);
    expect(of("p99")).toEqual(["1.55", "no"]);
    expect(of("bytes per CPU second")).toEqual(["0.80", "yes"]);
    expect(of("idle connection")).toEqual(["", "not measured"]);
  });

  test("in the README are those of the results", () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const shown = /<!-- targets -->\n+([^]*?)\n+<!-- \/targets -->/.exec(readme)?.[1];
    const values = (text: string | undefined): string[][] =>
      cells(text).filter(([first]) => !first?.startsWith("--"));
    expect(values(shown)).toEqual(values(targetTable()));
  });
});

describe("the chart", () => {
  test("has a bar of two parts for each proxy, and escapes their labels", () => {
    const bar = { userUs: 30, kernelUs: 10, note: "40 µs", isOurs: false };
    const svg = chart("CPU", "µs", [
      { ...bar, label: "a & <b>" },
      { ...bar, label: "ours", isOurs: true },
    ]);
    expect(svg).toContain("a &amp; &lt;b&gt;");
    expect(svg.match(/<rect /g)).toHaveLength(5);
    expect(svg).not.toContain("NaN");
  });
});

describe("the options of the proxy benchmark", () => {
  test("select workloads, peers and measures", () => {
    const { workloads, peers, connections, measures } = readOptions([
      "--only=tls,grpc",
      "--peers=nginx,pagoda",
      "--connections=1,512",
      "--measure=cpu",
    ]);
    expect(workloads.map(({ name }) => name)).toEqual(["tls", "grpc"]);
    expect(peers.map(({ name }) => name)).toEqual(["nginx", "pagoda"]);
    expect([connections, measures]).toEqual([[1, 512], ["cpu"]]);
  });

  test.each([
    [["--peers", "apache"], "--peers must be of nginx"],
    [["--rounds", "0"], "--rounds must be an integer from 1"],
    [["--measure", "latency"], "latency needs cpu"],
    [["--fast"], "Usage: npm run bench:proxy"],
  ])("%s is refused: %s", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
