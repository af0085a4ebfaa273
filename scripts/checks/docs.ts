// What the documents say is run: examples are programs, links lead somewhere.
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { packages, root, type Package } from "../workspace.ts";
import { exampleOutcomes } from "./docs/examples.ts";
import { brokenLinks } from "./docs/links.ts";
import { readMarkdown } from "./docs/markdown.ts";
import { faultless, type Outcome, type Step } from "./outcome.ts";

const ofTheWorkspace = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "GLOSSARY.md"];

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
      const faults = existsSync(absolute) ? brokenLinks(base, absolute) : [`${path}: missing`];
      return faultless(`links of ${relative(base, absolute)}`, faults);
    }),
    ...(await exampleOutcomes(base, documents)),
  ];
}

function documentsOf(only: Package | undefined): string[] {
  const chosen = only === undefined ? packages().filter(hasReadme) : [only];
  return [
    ...(only === undefined ? ofTheWorkspace : []),
    ...chosen.map(({ folder }) => `${folder}/README.md`),
  ];
}

/** What is published has one, as the check shows that finds it missing; what stays here may. */
function hasReadme({ manifest, directory }: Package): boolean {
  return manifest.private !== true || existsSync(join(directory, "README.md"));
}
