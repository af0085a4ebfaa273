import type { Registry } from "prom-client";

/** One line of Prometheus's text format. */
export interface Line {
  readonly family: string;
  readonly name: string;
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/** Parses a registry's text like Prometheus and throws where Prometheus would reject it, such as duplicate series. */
export async function exposed(registry: Registry): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const seen = new Set<string>();
  const families = new Set<string>();
  let [family, type] = ["", ""];
  for (const line of (await registry.metrics()).split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    if (line.startsWith("# TYPE ")) {
      [family, type] = line.slice(7).split(" ") as [string, string];
      if (families.has(family)) throw new Error(`${family} has a second type`);
      families.add(family);
      continue;
    }
    const [, name = "", inner = "", number = ""] = sample.exec(line) ?? [];
    if (name === "") throw new Error(`no sample: ${line}`);
    const suffix = name.slice(family.length);
    const mayFollow = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    if (!name.startsWith(family) || !mayFollow.includes(suffix))
      throw new Error(`${name} stands under ${family}`);
    const labels = labelsIn(inner);
    const key = JSON.stringify([name, Object.entries(labels).toSorted()]);
    if (seen.has(key)) throw new Error(`there twice: ${line}`);
    seen.add(key);
    lines.push({ family, name, type, labels, value: numberOf(number) });
  }
  return lines;
}

function labelsIn(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  while (label.lastIndex < text.length) {
    const [, name = "", value = ""] = label.exec(text) ?? [];
    if (name === "") throw new Error(`no labels: ${text}`);
    if (name in labels) throw new Error(`a label twice: ${text}`);
    labels[name] = value.replaceAll(/\\([\\"n])/g, (_all, escaped: string) =>
      escaped === "n" ? "\n" : escaped,
    );
  }
  return labels;
}

function numberOf(text: string): number {
  if (/^[+-]Inf$/.test(text)) return text === "-Inf" ? -Infinity : Infinity;
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`no number: ${text}`);
  return value;
}
