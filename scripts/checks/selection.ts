import { existsSync, globSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { packages, root, type Package } from "../workspace.ts";

/** What `npm test` runs. */
export type Selection =
  | { readonly kind: "everything" | "bare" }
  | { readonly kind: "package"; readonly package: Package }
  /** Test files and folders, relative to the workspace's root. */
  | { readonly kind: "files"; readonly paths: readonly string[] };

export interface Arguments {
  readonly selection: Selection;
  /** Rerun the selected tests when a file that they import changes. */
  readonly watch: boolean;
}

/** @returns The arguments, or what is wrong with them. */
export function parseArguments(args: readonly string[], base: string = root): Arguments | string {
  const watch = args.includes("--watch");
  const names = args.filter((arg) => arg !== "--watch");
  const unknown = names.find((arg) => arg.startsWith("-"));
  if (unknown !== undefined) return `unknown option ${unknown}`;
  const selection = select(names, base);
  if (typeof selection === "string") return selection;
  return watch && selection.kind === "bare" ? "bare cannot be watched" : { selection, watch };
}

/** Filters for vitest; empty for all tests. */
export function filtersOf(selection: Selection): readonly string[] {
  if (selection.kind === "package") return [`${selection.package.folder}/test/`];
  return selection.kind === "files" ? selection.paths : [];
}

function select(names: readonly string[], base: string): Selection | string {
  const [first, ...rest] = names;
  if (first === undefined) return { kind: "everything" };
  const all = packages(base);
  const only = all.find((one) => one.short === first || one.name === first);
  if (only !== undefined || first === "bare") {
    if (rest.length > 0) return `${first} cannot be combined with ${rest.join(", ")}`;
    return only === undefined ? { kind: "bare" } : { kind: "package", package: only };
  }
  const problem = names.map((name) => fileProblem(name, base)).find((one) => one !== undefined);
  if (problem !== undefined) return problem;
  return { kind: "files", paths: names.map((name) => inRoot(name, base)) };
}

function fileProblem(name: string, base: string): string | undefined {
  const path = resolve(base, name);
  if (!existsSync(path)) {
    const known = packages(base).map(({ short }) => short);
    return `"${name}" is not a file or a package (${known.join(", ")})`;
  }
  if (!statSync(path).isDirectory())
    return name.endsWith(".test.ts") ? undefined : `${name} is not a test file (*.test.ts)`;
  const tests = globSync("**/*.test.ts", { cwd: path, exclude: ["**/node_modules"] });
  return tests.length === 0 ? `${name} contains no test file (*.test.ts)` : undefined;
}

/** vitest selects every path that contains a filter: the slash excludes folders with a longer name. */
function inRoot(name: string, base: string): string {
  const path = resolve(base, name);
  return relative(base, path) + (statSync(path).isDirectory() ? "/" : "");
}
