// Checks the documents: examples run, links resolve, commands exist, configurations are valid.
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { packages, root, type Package } from "../workspace.ts";
import { unknownCommands } from "./docs/commands.ts";
import { configurationOutcomes } from "./docs/configurations.ts";
import { exampleOutcomes } from "./docs/examples.ts";
import { brokenLinks } from "./docs/links.ts";
import { readMarkdown } from "./docs/markdown.ts";
import { faultless, type Outcome, type Step } from "./outcome.ts";

const everywhere = ["*.md", ".github/**/*.md", "docs/**/*.md", "packages/**/*.md"];
const generated = ["**/node_modules", "**/dist", "**/CHANGELOG.md", "docs/api"];

export const docs: Step = {
  name: "docs",
  run: (only) => documentOutcomes(root, documentsOf(only)),
};

export async function documentOutcomes(base: string, paths: readonly string[]): Promise<Outcome[]> {
  const present = paths.map((path) => join(base, path)).filter((path) => existsSync(path));
  const documents = present.map((path) => ({
    path,
    fences: readMarkdown(readFileSync(path, "utf8")).fences,
  }));
  return [
    ...paths.map((path) => {
      const absolute = join(base, path);
      const faults = existsSync(absolute)
        ? [...brokenLinks(base, absolute), ...unknownCommands(base, absolute)]
        : [`${path}: missing`];
      return faultless(`links and commands of ${relative(base, absolute)}`, faults);
    }),
    ...(await exampleOutcomes(base, documents)),
    ...(await configurationOutcomes(base, documents)),
  ];
}

function documentsOf(only: Package | undefined): string[] {
  const patterns = only === undefined ? everywhere : [`${only.folder}/**/*.md`];
  const found = globSync(patterns, { cwd: root, exclude: generated });
  const needed = (only === undefined ? packages() : [only]).filter(isPublished);
  return [...new Set([...found, ...needed.map(({ folder }) => `${folder}/README.md`)])].toSorted();
}

function isPublished({ manifest }: Package): boolean {
  return manifest.private !== true;
}
