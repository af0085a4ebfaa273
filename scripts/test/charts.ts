import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { parseAllDocuments } from "yaml";
import { copyCharts } from "../manifests/manifests.ts";

/** Copies of the charts, for the tests of one file. */
export const charts: string = mkdtempSync(join(tmpdir(), "pagoda-charts-"));
export const chart: string = join(charts, "chart");
copyCharts(charts);
afterAll(() => rmSync(charts, { recursive: true }));

export interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: object;
}

export function resources(text: string): readonly Resource[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Resource);
}

/** The arguments for these values. */
export function values(content: object): readonly string[] {
  const file = join(charts, "values.json");
  writeFileSync(file, JSON.stringify(content));
  return ["--values", file];
}

/** A configuration that follows services of these namespaces. */
export function following(...namespaces: readonly string[]): string {
  const clusters = namespaces.map((namespace) => [
    namespace,
    { kubernetes: { service: "shop", namespace, port: "http" } },
  ]);
  return JSON.stringify({
    listeners: [{ name: "main", address: "0.0.0.0:8080", routes: [{ name: "all", cluster: namespaces[0] }] }],
    clusters: Object.fromEntries(clusters) as unknown,
    drain: { timeout: "1.5m" },
  });
}
