import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const readme = new URL("README.md", import.meta.url);

/** Appends rows to the table between the markers with this name. */
export function appendTo(name: string, rows: string): void {
  const before = readFileSync(readme, "utf8");
  const end = `\n\n<!-- /${name} -->`;
  if (!before.includes(end)) throw new Error(`packages/bench/README.md has no ${name} markers`);
  writeFormatted(
    readme,
    before.replace(end, () => `\n${rows}${end}`),
  );
}

/**
 * Replaces the text between the markers with this name, so that no figure in the file is written by hand.
 *
 * @param file Default: the README of the benchmarks.
 */
export function writeInto(name: string, text: string, file: URL = readme): void {
  const before = readFileSync(file, "utf8");
  const marked = new RegExp(`(<!-- ${name} -->\\n)[^]*(\\n<!-- /${name} -->)`);
  if (!marked.test(before)) throw new Error(`${file.pathname} has no ${name} markers`);
  writeFormatted(
    file,
    before.replace(marked, (_all, begin: string, end: string) => `${begin}\n${text}\n${end}`),
  );
}

function writeFormatted(file: URL, text: string): void {
  writeFileSync(file, text);
  const { status, error } = spawnSync("oxfmt", [fileURLToPath(file)], { stdio: "inherit" });
  if (status !== 0) throw new Error(`${file.pathname} is written, but not formatted`, { cause: error });
}
