import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { command, hangMs, pooled } from "../../command.ts";
import { failed, passed, type Outcome } from "../outcome.ts";
import type { Fence } from "./markdown.ts";

export interface Document {
  readonly path: string;
  readonly fences: readonly Fence[];
}

interface Example {
  readonly name: string;
  readonly file: string;
  readonly directory: string;
  readonly runs: boolean;
}

/** A folder next to a document while its examples are checked. */
export const folder = ".examples";
const script = /^(ts|typescript|tsx|mts|js|javascript|jsx|mjs)\b/u;

/** Checks and runs the examples of documents as if each were a file next to its document. */
export async function exampleOutcomes(base: string, documents: readonly Document[]): Promise<Outcome[]> {
  const folders = [base, ...documents.map((one) => dirname(one.path))].map((directory) =>
    join(directory, folder),
  );
  const remove = (): void => folders.forEach((one) => rmSync(one, { recursive: true, force: true }));
  remove();
  try {
    const examples = documents.flatMap((one) => write(base, one));
    const unnamed = documents.flatMap((one) => unknownInfos(base, one));
    return examples.length === 0 ? unnamed : [...unnamed, ...(await check(base, examples))];
  } finally {
    remove();
  }
}

function unknownInfos(base: string, { path, fences }: Document): Outcome[] {
  return fences
    .filter(({ info }) => script.test(info) && info !== "ts" && info !== "ts types-only")
    .filter(({ info }) => !isTried(base, path, info))
    .map(({ info, line }) =>
      failed(
        `${relative(base, path)}:${line}`,
        `\`\`\`${info}: an example is \`ts\` (checked, run) or \`ts types-only\``,
      ),
    );
}

/** `ts src/file.ts`: a file for the reader to add, as a test named for the document does. */
function isTried(base: string, path: string, info: string): boolean {
  const test = join(base, "scripts/test", `${basename(path, ".md")}.test.ts`);
  return /^ts [\w./-]+\.ts$/u.test(info) && existsSync(test);
}

function write(base: string, { path, fences }: Document): Example[] {
  const directory = dirname(path);
  const examples = fences.filter(({ info }) => info === "ts" || info === "ts types-only");
  if (examples.length > 0) mkdirSync(join(directory, folder), { recursive: true });
  return examples.map(({ info, line, code }) => {
    const file = join(directory, folder, `${basename(path, ".md")}.${line}.ts`);
    // Line n of the file is line n of the document, so that errors and stack traces point into the document.
    writeFileSync(file, `${"\n".repeat(line - 1)}${code}\n`);
    return { name: `${relative(base, path)}:${line}`, file, directory, runs: info === "ts" };
  });
}

async function check(base: string, examples: readonly Example[]): Promise<Outcome[]> {
  const errors = await typeErrors(base, examples);
  const mistyped = examples.flatMap(({ name, file }) => {
    const own = errors.filter((line) => line.startsWith(`${relative(base, file)}(`));
    return own.length === 0 ? [] : [{ name, file, detail: inDocument(own.join("\n")) }];
  });
  const ofExamples = new Set(mistyped.map((one) => one.file));
  const elsewhere = errors.filter((line) => !line.includes(`${folder}/`));
  const runnable = examples.filter(({ file }) => !ofExamples.has(file));
  return [
    ...mistyped.map(({ name, detail }) => failed(name, detail)),
    ...(elsewhere.length === 0 ? [] : [failed("types behind the examples", elsewhere.join("\n"))]),
    ...(await pooled(runnable, availableParallelism(), runExample)),
  ];
}

/** The compiler's errors for all examples, compiled as one program. */
async function typeErrors(base: string, examples: readonly Example[]): Promise<string[]> {
  const config = join(base, folder, "tsconfig.json");
  mkdirSync(dirname(config), { recursive: true });
  // Examples may declare variables that they do not use.
  const compilerOptions = { noEmit: true, noUnusedLocals: false, noUnusedParameters: false };
  const files = examples.map(({ file }) => file);
  writeFileSync(config, JSON.stringify({ extends: "../tsconfig.base.json", compilerOptions, files }));
  const { code, output } = await command("tsc", ["-p", config, "--pretty", "false"], { cwd: base });
  // Indented lines continue an error.
  return code === 0 ? [] : output.split(/\n(?!\s)/u);
}

async function runExample({ name, file, directory, runs }: Example): Promise<Outcome> {
  if (!runs) return passed(name);
  const { code, output } = await command(process.execPath, [file], { cwd: directory, timeoutMs: hangMs });
  return code === 0 ? passed(name) : failed(name, inDocument(output || `exited with ${code}`));
}

/** Names the document instead of the file made from it. */
function inDocument(output: string): string {
  return output.replaceAll(/\.examples\/([\w-]+)\.\d+\.ts/gu, "$1.md");
}
