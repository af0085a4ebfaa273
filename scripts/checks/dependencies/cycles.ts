import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Package } from "../../workspace.ts";
import { importsOf } from "./imports.ts";

/** An import of one file of a package by another; paths are relative to the workspace. */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly line: number;
}

/** Imports between the entries of one folder, one for each pair. */
type Graph = Map<string, Map<string, Edge>>;

/**
 * Import cycles in a package's `src`. The imports between the entries of a folder, files and subfolders alike, must not
 * form a cycle. Type-only imports count.
 */
export function cycleFaults(one: Package): string[] {
  return [...graphs(edgesOf(one))].flatMap(([parent, graph]) => cycles(parent, graph));
}

function edgesOf({ directory, folder }: Package): Edge[] {
  const files = globSync("src/**/*.ts", { cwd: directory }).toSorted();
  const there = new Set(files);
  return files.flatMap((file) =>
    importsOf(file, readFileSync(join(directory, file), "utf8"))
      .map(({ specifier, line }) => ({ to: join(dirname(file), specifier), line }))
      .filter(({ to }) => there.has(to))
      .map(({ to, line }) => ({ from: `${folder}/${file}`, to: `${folder}/${to}`, line })),
  );
}

/** One fault per strongly connected group of entries: its shortest cycle. */
function cycles(parent: string, graph: Graph): string[] {
  const reported = new Set<string>();
  return [...graph.keys()].flatMap((entry) => {
    const cycle = reported.has(entry) ? undefined : shortest(graph, entry);
    if (cycle === undefined) return [];
    for (const other of graph.keys())
      if (reaches(graph, entry, other) && reaches(graph, other, entry)) reported.add(other);
    const names = [...cycle.map(({ from }) => below(parent, from)), entry].join(" → ");
    const places = cycle.map(({ from, line }) => `${from.slice(parent.length + 1)}:${line}`).join(", ");
    return [`${parent}: import cycle ${names} (${places})`];
  });
}

/** By the innermost common folder. */
function graphs(edges: readonly Edge[]): Map<string, Graph> {
  const all = new Map<string, Graph>();
  for (const edge of edges) {
    const parent = parentOf(edge);
    const graph = all.get(parent) ?? new Map<string, Map<string, Edge>>();
    const from = below(parent, edge.from);
    const to = below(parent, edge.to);
    const of = graph.get(from) ?? new Map<string, Edge>();
    if (!of.has(to)) of.set(to, edge);
    all.set(parent, graph.set(from, of));
  }
  return all;
}

/** The shortest path from an entry back to itself. */
function shortest(graph: Graph, entry: string): Edge[] | undefined {
  const ways: [at: string, way: Edge[]][] = [[entry, []]];
  const seen = new Set<string>();
  for (const [at, way] of ways) {
    for (const [to, edge] of graph.get(at) ?? []) {
      if (to === entry) return [...way, edge];
      if (seen.has(to)) continue;
      seen.add(to);
      ways.push([to, [...way, edge]]);
    }
  }
  return undefined;
}

function reaches(graph: Graph, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const at of seen) for (const next of graph.get(at)?.keys() ?? []) seen.add(next);
  return seen.has(to);
}

function parentOf({ from, to }: Edge): string {
  const [a, b] = [from.split("/"), to.split("/")];
  const parts = a.findIndex((part, n) => part !== b[n]);
  return a.slice(0, parts).join("/");
}

/** The entry of a folder on a path. */
function below(parent: string, path: string): string {
  return path.slice(parent.length + 1).split("/", 1)[0] as string;
}
