import type { Description, Json } from "@pagoda/core";

/** A value in a description. */
export interface Sample {
  /** `circuit_breaker_waiting`. */
  readonly name: string;
  readonly layer: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Name and labels as one text, which tells series apart. */
  readonly id: string;
  readonly value: number;
  /** Set if the value is a string; the series then has the label `state`. */
  readonly word?: string;
}

/** Labels, and the same as one text, made once for all nodes that have them. */
interface Labels {
  readonly values: Readonly<Record<string, string>>;
  readonly text: string;
}

interface Node {
  readonly description: Description;
  readonly layer: string;
  readonly labels: Labels;
}

/** Nodes that label everything inside them, by the key or name in their options. */
const labelled = ["endpoint", "route", "cluster", "listener"] as const;

const none: Labels = { values: {}, text: "" };

/**
 * Returns the samples of each node of a tree: all numbers, booleans and strings in its state,
 * outermost first.
 *
 * Nodes with the same name and labels get the label `position`, counted from 1.
 */
export function* walk(description: Description): Generator<readonly Sample[]> {
  const nodes: Node[] = [];
  collect(description, none, nodes);
  const groups = new Map<string, Node[]>();
  for (const node of nodes) {
    const key = `${node.layer}\n${node.labels.text}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  for (const group of groups.values()) {
    for (const [at, node] of group.entries()) {
      const samples: Sample[] = [];
      const labels = group.length === 1 ? node.labels : positioned(node.labels, at + 1);
      read(node, node.layer, node.description.state, labels, samples);
      yield samples;
    }
  }
}

function positioned({ values, text }: Labels, position: number): Labels {
  return { values: { ...values, position: String(position) }, text: `${text}\n${position}` };
}

function collect(description: Description, outer: Labels, nodes: Node[]): void {
  const labels = labelsIn(outer, description);
  nodes.push({ description, layer: snake(description.name), labels });
  for (const inner of description.inner ?? []) collect(inner, labels, nodes);
}

function labelsIn(outer: Labels, { name, options = {} }: Description): Labels {
  let values: Record<string, string> | undefined;
  for (const label of labelled) {
    const value = name === label ? (options["key"] ?? options["name"] ?? options[label]) : options[label];
    if (typeof value === "string") (values ??= { ...outer.values })[label] = value;
  }
  if (values === undefined) return outer;
  return { values, text: JSON.stringify(labelled.map((label) => values[label])) };
}

function read(
  node: Node,
  path: string,
  state: { readonly [key: string]: Json } | null | undefined,
  labels: Labels,
  samples: Sample[],
): void {
  for (const [key, value] of Object.entries(state ?? {})) {
    const { layer } = node;
    const name = `${path}_${snake(withUnit(key))}`;
    const sample = { name, layer, labels: labels.values, id: `${name}\n${labels.text}` };
    if (typeof value === "number") samples.push({ ...sample, value: isMs(key) ? value / 1_000 : value });
    else if (typeof value === "boolean") samples.push({ ...sample, value: value ? 1 : 0 });
    else if (typeof value === "string") samples.push({ ...sample, value: 1, word: value });
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

/** The few names of layers and their states, of which a scrape reads thousands. */
const snakes = new Map<string, string>();
const maxSnakes = 1_000;

function snake(name: string): string {
  const known = snakes.get(name);
  if (known !== undefined) return known;
  const made = toSnake(name);
  if (snakes.size < maxSnakes) snakes.set(name, made);
  return made;
}

function toSnake(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_|_$/g, "");
}
