import { existsSync, globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative, resolve } from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import type { Package } from "../../workspace.ts";
import { broken, packageOf, runtimeDependencies, testTools } from "./rules.ts";

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Imports of a package's sources and tests that break a rule, with file, line and rule. */
export function importFaults(base: string, one: Package, all: readonly Package[]): string[] {
  return sources(one).flatMap((file) =>
    importsOf(file, readFileSync(file, "utf8")).flatMap(({ specifier, line }) => {
      const rule = brokenBy(one, file, specifier, all);
      return rule === undefined ? [] : [`${relative(base, file)}:${line}: imports "${specifier}"; ${rule}`];
    }),
  );
}

/** Dependencies of core, http, a layer, the client or redis that no source imports. */
export function unusedFaults(one: Package): string[] {
  if (!["core", "http", "layer", "client", "redis"].includes(one.kind)) return [];
  const used = new Set(
    sources(one)
      .filter((file) => file.startsWith(join(one.directory, "src/")))
      .flatMap((file) => importsOf(file, readFileSync(file, "utf8")))
      .map(({ specifier }) => packageOf(specifier)),
  );
  return runtimeDependencies(one.manifest)
    .filter((name) => !used.has(name))
    .map((name) => `${one.folder}/package.json: depends on ${name}, which nothing in src imports`);
}

function sources(one: Package): string[] {
  // bench has no src folder. `page` is built into one file with its libraries, which are devDependencies like those of tests.
  const folders = one.kind === "bench" ? ["."] : ["src", "test", "page"];
  return folders
    .filter((folder) => existsSync(join(one.directory, folder)))
    .flatMap((folder) =>
      globSync(`${folder}/**/*.{ts,tsx}`, { cwd: one.directory, exclude: ["**/node_modules", "**/dist"] }),
    )
    .map((file) => join(one.directory, file));
}

function brokenBy(
  one: Package,
  file: string,
  specifier: string,
  all: readonly Package[],
): string | undefined {
  if (specifier.startsWith(".")) return leaves(one, resolve(file, "..", specifier));
  if (isBuiltin(specifier))
    return specifier.startsWith("node:") ? undefined : `Node's modules must be imported as node:${specifier}`;
  const name = packageOf(specifier);
  const inSources = file.startsWith(join(one.directory, "src/"));
  if (inSources && name === one.name) return "sources of a package import each other by path";
  return ruleOf(one, name, inSources, all) ?? undeclared(one, name, inSources);
}

/** Tests may use any third-party tool, but the rules about our own packages apply to them, too. */
function ruleOf(one: Package, name: string, inSources: boolean, all: readonly Package[]): string | undefined {
  return inSources || name.startsWith("@pagoda/") ? broken(one, name, all) : undefined;
}

function undeclared(one: Package, name: string, inSources: boolean): string | undefined {
  if (name === one.name || runtimeDependencies(one.manifest).includes(name)) return undefined;
  if (inSources) return "it is not among the dependencies of its package.json";
  if (testTools.includes(name) || one.manifest.devDependencies?.[name] !== undefined) return undefined;
  return "it is not among the dependencies or devDependencies of its package.json";
}

function leaves(one: Package, target: string): string | undefined {
  return target.startsWith(`${one.directory}/`) ? undefined : "a relative import stays in its package";
}

/** All imports of a module: static, re-exports, `import()` of a literal, and types by `import("…")`. */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const take = (source: { readonly type: string; readonly start: number } | null): void => {
    const specifier = (source as { value?: unknown } | null)?.value;
    if (source === null || typeof specifier !== "string") return;
    found.push({ specifier, line: text.slice(0, source.start).split("\n").length });
  };
  const { program, errors } = parseSync(file, text);
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
  new Visitor({
    ImportDeclaration: (node) => take(node.source),
    ExportNamedDeclaration: (node) => take(node.source),
    ExportAllDeclaration: (node) => take(node.source),
    ImportExpression: (node) => take(node.source),
    TSImportType: (node) => take(node.source),
  }).visit(program);
  return found;
}
