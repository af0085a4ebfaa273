import type { Description, Json } from "@pagoda/core";

/** A value in a description. */
export interface Sample {
  /** `circuit_breaker_waiting`. */
  readonly name: string;
  readonly layer: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Set if the value is a string; the series then has the label `state`. */
  readonly word?: string;
}

interface Node {
  readonly description: Description;
  readonly layer: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Nodes that label everything inside them, by the key or name in their options. */
const labelled = ["endpoint", "route", "cluster", "listener"] as const;

/**
 * Returns all numbers, booleans and strings in the states of a tree, outermost first.
 *
 * Nodes with the same name and labels get the label `position`, counted from 1.
 */
export function walk(description: Description): Sample[] {
  const nodes: Node[] = [];
  collect(description, {}, nodes);
  const groups = new Map<string, Node[]>();
  for (const node of nodes) {
    const key = JSON.stringify([node.layer, node.labels]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  const samples: Sample[] = [];
  for (const group of groups.values()) {
    for (const [at, node] of group.entries()) {
      const labels = group.length === 1 ? node.labels : { ...node.labels, position: String(at + 1) };
      read(node, node.layer, node.description.state, labels, samples);
    }
  }
  return samples;
}

function collect(description: Description, outer: Node["labels"], nodes: Node[]): void {
  const labels = { ...outer, ...labelsOf(description) };
  nodes.push({ description, layer: snake(description.name), labels });
  for (const inner of description.inner ?? []) collect(inner, labels, nodes);
}

function labelsOf({ name, options = {} }: Description): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const label of labelled) {
    const value = name === label ? (options["key"] ?? options["name"] ?? options[label]) : options[label];
    if (typeof value === "string") labels[label] = value;
  }
  return labels;
}

function read(
  node: Node,
  path: string,
  state: { readonly [key: string]: Json } | null | undefined,
  labels: Node["labels"],
  samples: Sample[],
): void {
  for (const [key, value] of Object.entries(state ?? {})) {
    const { layer } = node;
    const name = `${path}_${snake(withUnit(key))}`;
    if (typeof value === "number") {
      samples.push({ name, layer, labels, value: isMs(key) ? value / 1_000 : value });
    } else if (typeof value === "boolean") samples.push({ name, layer, labels, value: value ? 1 : 0 });
    else if (typeof value === "string") samples.push({ name, layer, labels, value: 1, word: value });
    else if (!Array.isArray(value)) {
      read(node, name, value as { readonly [key: string]: Json } | null, labels, samples);
    }
  }
}

function isMs(key: string): boolean {
  return key === "ms" || key.endsWith("Ms");
}

/** Prometheus uses seconds. */
function withUnit(key: string): string {
  return isMs(key) ? `${key.slice(0, -2)}Seconds` : key;
}

function snake(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_|_$/g, "");
}
