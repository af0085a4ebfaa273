// Bundles `pagoda` for the end-to-end tests, which start it hundreds of times: the bundle starts in half the time of 900
// modules, and is what the single executable contains, too. packages/proxy/test/chaos runs the sources.
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";
import { root } from "./workspace.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The file that Node runs as `pagoda`. */
    readonly pagoda: string;
  }
}

const proxy = join(root, "packages/proxy");
/** Beside `src` and with its layout, because the program finds its other files by where it is. */
const folder = join(proxy, ".bundle");

/** @returns The path of the program. */
export async function bundlePagoda(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: { main: join(proxy, "src/main.ts"), "control/entry": join(proxy, "src/control/entry.ts") },
    outdir: folder,
    bundle: true,
    splitting: true,
    chunkNames: "control/[name]-[hash]",
    platform: "node",
    target: `node${process.versions.node}`,
    format: "esm",
    keepNames: true,
    // Some dependencies are CommonJS.
    banner: {
      js: `import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);`,
    },
    write: false,
    logLevel: "error",
  });
  // Another run of the tests may use the same files. Entry points come last, because they import the others.
  for (const { path, contents } of outputFiles.toReversed()) replaceWith(path, contents);
  const names = new Set(outputFiles.map(({ path }) => relative(folder, path)));
  for (const name of globSync("**/*.js", { cwd: folder }))
    if (!names.has(name)) rmSync(join(folder, name), { force: true });
  return join(folder, "main.js");
}

function replaceWith(path: string, contents: Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const incomplete = `${path}.${process.pid}`;
  writeFileSync(incomplete, contents);
  renameSync(incomplete, path);
}

/** For vitest. */
export async function setup(project: TestProject): Promise<void> {
  project.provide("pagoda", await bundlePagoda());
  project.onTestsRerun(async () => void (await bundlePagoda()));
}

if (import.meta.main) console.log(await bundlePagoda());
