import { readFileSync } from "node:fs";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { command, pnpm, type Finished } from "../../command.ts";
import type { Package } from "../../workspace.ts";
import { linkedFiles } from "../docs/links.ts";
import { failed, faultless, type Outcome } from "../outcome.ts";
import { sizeOutcome } from "./sizes.ts";

const needed = [
  "LICENSE-MIT",
  "LICENSE-APACHE",
  "README.md",
  "package.json",
  "dist/index.js",
  "dist/index.d.ts",
];
/** Not in templates, which have the tests of what is made from them. */
const unwanted = /(^|\/)(tests?|__tests__|node_modules|\.examples)\/|\.test\.|\.tsbuildinfo$/u;

export function pack(all: readonly Package[], directory: string): Promise<Finished> {
  const filters = all.flatMap((one) => ["--filter", one.name]);
  return pnpm(["--recursive", ...filters, "pack", "--pack-destination", directory]);
}

export function tarball(one: Package, directory: string): string {
  const name = one.name.replace("@", "").replace("/", "-");
  return join(directory, `${name}-${one.manifest.version}.tgz`);
}

/** Checks the contents of a tarball, and runs publint and attw on it. */
export async function tarballOutcomes(one: Package, directory: string): Promise<Outcome[]> {
  const file = tarball(one, directory);
  const bytes = new Uint8Array(readFileSync(file));
  return [
    await contentOutcome(one, file),
    faultless(`publint ${one.name}`, await publintFaults(bytes)),
    faultless(`attw ${one.name}`, await attwFaults(bytes)),
    sizeOutcome(one.name, file),
  ];
}

async function publintFaults({ buffer }: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  return messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
}

/** Resolutions that ESM-only packages may fail: every Node in `engines` can `require` ESM. */
const ignored: ReadonlySet<unknown> = new Set(["node10", "node16-cjs"]);

async function attwFaults(bytes: Uint8Array): Promise<string[]> {
  // Imported here because it loads a compiler, which takes half a second.
  const { checkPackage, createPackageFromTarballData } = await import("@arethetypeswrong/core");
  const analysis = await checkPackage(createPackageFromTarballData(bytes));
  if (analysis.types === false) return ["it has no types"];
  return analysis.problems
    .filter((problem) => !("resolutionKind" in problem && ignored.has(problem.resolutionKind)))
    .map((problem) => JSON.stringify(problem));
}

async function contentOutcome(one: Package, file: string): Promise<Outcome> {
  const name = `contents of ${one.name}`;
  const list = await command("tar", ["-tzf", file]);
  const manifest = await command("tar", ["-xzOf", file, "package/package.json"]);
  if (list.code !== 0 || manifest.code !== 0) return failed(name, `${list.output}\n${manifest.output}`);
  const readme = readFileSync(join(one.directory, "README.md"), "utf8");
  return faultless(name, contentFaults(list.output, manifest.output, readme));
}

/** Files that a tarball lacks, including those its README links to, and files that it should not have. */
export function contentFaults(list: string, manifest: string, readme: string): string[] {
  const files = list.split("\n").map((path) => path.replace(/^package\//u, ""));
  const isThere = (path: string): boolean =>
    files.some((file) => file === path || file.startsWith(`${path}/`));
  // Tests are not packed; links to them work in the repository.
  const linked = linkedFiles(readme).filter((path) => !/^test(\/|$)/u.test(path));
  return [
    ...[...needed, ...linked].filter((path) => !isThere(path)).map((path) => `${path}: missing`),
    ...files
      .filter((path) => unwanted.test(path) && !path.startsWith("template/"))
      .map((path) => `${path}: must not be in the tarball`),
    ...(manifest.includes("workspace:") ? ["package.json: workspace: is left in it"] : []),
    ...(/"\.\/src\/[^"]*"/u.test(manifest)
      ? ["package.json: leads to src, which Node refuses to run installed"]
      : []),
  ];
}
