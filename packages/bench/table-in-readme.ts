import { readFileSync, writeFileSync } from "node:fs";

const readme = new URL("README.md", import.meta.url);

/** Replaces what stands between the markers of that name: no number in the file is written by hand. */
export function writeInto(name: string, text: string): void {
  const before = readFileSync(readme, "utf8");
  const marked = new RegExp(`(<!-- ${name} -->\\n)[^]*(\\n<!-- /${name} -->)`);
  if (!marked.test(before)) throw new Error(`packages/bench/README.md has no ${name} markers`);
  writeFileSync(
    readme,
    before.replace(marked, (_all, begin: string, end: string) => `${begin}\n${text}\n${end}`),
  );
}
