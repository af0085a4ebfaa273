import { readFileSync } from "node:fs";
import { left, right, service } from "@pagoda/core";
import { HttpHeaders, httpRequest, httpResponse } from "@pagoda/http";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { eventMetrics, metrics, stackMetrics } from "@pagoda/metrics";
import { described } from "./described.ts";
import { exposed, type Line } from "./exposition.ts";

interface Row {
  readonly metric: string;
  readonly type: string;
  readonly labels: readonly string[];
}

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** Rows of the README tables with this heading in the first column. */
function rows(heading: string): readonly Row[] {
  const lines = readme.split("\n");
  const cells = (line: string): string[] =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  const words = (cell = ""): string[] => [...cell.matchAll(/`([^`]*)`/g)].map(([, word]) => word as string);
  return lines.flatMap((line, at) => {
    if (cells(line)[0] !== heading) return [];
    const end = lines.findIndex((later, n) => n > at && !later.startsWith("|"));
    return lines.slice(at + 2, end).map((row) => {
      const [name, type = "", labels] = cells(row);
      return { metric: words(name)[0] as string, type, labels: words(labels) };
    });
  });
}

/** Rows for a registry's metrics. */
function exposedRows(lines: readonly Line[], among: (family: string) => boolean): readonly Row[] {
  const found = new Map<string, { readonly type: string; readonly labels: Set<string> }>();
  for (const { family, type, labels } of lines) {
    if (!among(family)) continue;
    const row = found.get(family) ?? { type, labels: new Set() };
    for (const label of Object.keys(labels)) if (label !== "le") row.labels.add(label);
    found.set(family, row);
  }
  return Array.from(found, ([metric, { type, labels }]) => ({ metric, type, labels: [...labels] }));
}

const sorted = (all: readonly Row[]): readonly Row[] =>
  all
    .map(({ metric, type, labels }) => ({ metric, type, labels: labels.toSorted() }))
    .toSorted((a, b) => (a.metric < b.metric ? -1 : 1));

/** All metrics that this package registers, with samples. */
async function everything(): Promise<readonly Line[]> {
  const registry = new Registry();
  const layer = metrics({ registry, routes: true });
  const answering = service("ok", async () => right(httpResponse(200)));
  const no = { _tag: "No", origin: "local", retryable: false, reason: "Behind" } as const;
  const failing = service("no", async () => left(no));
  const request = httpRequest("http://shop.example/");
  for (const inner of [answering, failing]) await layer(inner).call(request);
  const headers = HttpHeaders.of({ "content-type": "application/grpc" });
  await layer(answering).call({ ...request, headers, version: "2" });
  eventMetrics({ registry }).observer<{ retried?: () => void }>("retry", ["retried"]);
  stackMetrics({ registry, stack: () => ({ describe: () => described }) });
  return exposed(registry);
}

const isOfAState = (family: string): boolean =>
  family.startsWith("stack_") && !rows("metric").some(({ metric }) => metric === family);

describe("README", () => {
  test("lists every metric with its type and labels, and no other", async () => {
    const own = rows("metric");
    expect(own.length).toBeGreaterThan(0);
    expect(sorted(exposedRows(await everything(), (family) => !isOfAState(family)))).toEqual(sorted(own));
  });

  test("lists the gauges of the layers' states, and no other", async () => {
    const ofStates = rows("gauge");
    // In this table the second column names the labels; the type is in the heading.
    const listed = ofStates.map(({ metric }) => metric).toSorted();
    const found = exposedRows(await everything(), isOfAState);
    expect(found.map(({ metric }) => metric).toSorted()).toEqual(listed);
    expect(found.every(({ type }) => type === "gauge")).toBe(true);
  });
});
