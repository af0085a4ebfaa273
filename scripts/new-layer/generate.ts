import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const template = fileURLToPath(new URL("template", import.meta.url));

/** What is wrong with a layer's name, if anything. */
export function nameProblem(name: string): string | undefined {
  if (/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/u.test(name)) return undefined;
  return `name must be lower-case words joined by "-", such as max-length (got "${name}")`;
}

/** Writes a layer package: the files of the template, with the name in its three spellings. */
export function generate(directory: string, name: string): void {
  const camel = name.replaceAll(/-(.)/gu, (_, letter: string) => letter.toUpperCase());
  const pascal = camel.replace(/^./u, (letter) => letter.toUpperCase());
  const fill = (text: string): string =>
    text.replaceAll("__name__", name).replaceAll("__camel__", camel).replaceAll("__Pascal__", pascal);

  for (const file of globSync("**/*.txt", { cwd: template })) {
    const target = join(directory, fill(file.slice(0, -".txt".length)));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, fill(readFileSync(join(template, file), "utf8")));
  }
}
