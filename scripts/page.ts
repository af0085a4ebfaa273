// Builds the live page of the proxy, packages/proxy/page, to packages/proxy/dist/page: with each file compressed, and the list
// of files that the proxy serves. `npm start` and the end-to-end tests build it when its sources have changed.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { command, type Finished } from "./command.ts";
import { root } from "./workspace.ts";

const proxy = join(root, "packages/proxy");
const sources = join(proxy, "page");
const output = join(proxy, "dist/page");
/** The hash of the sources from which it was built. */
const stamp = join(root, "node_modules/.pagoda-page");

/** Builds the page from scratch. A failed build leaves the previous one. */
export async function buildPage(): Promise<Finished> {
  const hash = hashOfSources();
  mkdirSync(join(proxy, "dist"), { recursive: true });
  // Renamed once complete, because a proxy or another build may use the folder.
  const folder = mkdtempSync(`${output}-`);
  chmodSync(folder, 0o755);
  try {
    const args = ["build", sources, "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"];
    const built = await command(join(proxy, "node_modules/.bin/vite"), args);
    if (built.code !== 0) return built;
    const assets = readdirSync(join(folder, "assets")).map((name) => `assets/${name}`);
    for (const name of ["index.html", ...assets]) {
      const bytes = readFileSync(join(folder, name));
      writeFileSync(join(folder, `${name}.br`), brotliCompressSync(bytes));
      writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
    }
    writeFileSync(join(folder, "files.json"), JSON.stringify({ html: "index.html", assets }));
    rmSync(output, { recursive: true, force: true });
    renameSync(folder, output);
    writeFileSync(stamp, hash);
    return built;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds the page unless it has been built from the current sources. */
export async function ensurePage(): Promise<Finished> {
  const isBuilt =
    existsSync(join(output, "files.json")) &&
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === hashOfSources();
  return isBuilt ? { code: 0, output: "" } : buildPage();
}

/** Bytes that a browser loads: the files of the page, compressed with gzip. */
export function pageBytes(): number {
  const files = globSync("**/*.gz", { cwd: output });
  return files.reduce((sum, name) => sum + statSync(join(output, name)).size, 0);
}

/** The files of the page for the single executable: asset names and paths. */
export function pageAssets(): Readonly<Record<string, string>> {
  const names = globSync("**/*.*", { cwd: output });
  return Object.fromEntries(names.map((name) => [`page/${name}`, join(output, name)]));
}

/** Of everything that makes a different page. Other sources of the proxy that it imports are few and small. */
function hashOfSources(): string {
  const files = globSync(["page/**/*.*", "src/live/*.ts", "src/recorder/*.ts", "package.json"], {
    cwd: proxy,
  });
  const hash = createHash("sha256").update(readFileSync(join(root, "pnpm-lock.yaml")));
  for (const name of files.toSorted())
    hash
      .update(name)
      .update("\0")
      .update(readFileSync(join(proxy, name)));
  return hash.digest("hex");
}

/** For vitest. */
export async function setup(): Promise<void> {
  const { code, output } = await ensurePage();
  if (code !== 0) throw new Error(`the live page cannot be built:\n${output}`);
}

if (import.meta.main) {
  const { code, output } = await buildPage();
  if (output !== "") console.log(output);
  process.exitCode = code === 0 ? 0 : 1;
}
