// Which packages may depend on which. One outcome per package, so that a fault names its package.
import { join } from "node:path";
import { foldersIn, packages, readManifest, root, type Package } from "../workspace.ts";
import { cycleFaults } from "./dependencies/cycles.ts";
import { entryFaults } from "./dependencies/entries.ts";
import { importFaults, unusedFaults } from "./dependencies/imports.ts";
import { inexactVersions, manifestFaults } from "./dependencies/manifest.ts";
import { shapeFaults } from "./dependencies/shape.ts";
import { failed, faultless, type Outcome, type Step } from "./outcome.ts";

export const dependencies: Step = {
  name: "dependencies",
  run(only) {
    const outcomes = [...dependencyOutcomes(root), ...entryOutcomes(root)];
    const own = outcomes.filter(({ name }) => only === undefined || name.endsWith(` of ${only.name}`));
    return Promise.resolve(own);
  },
};

function entryOutcomes(base: string): Outcome[] {
  return packages(base).map((one) => faultless(`entries of ${one.name}`, entryFaults(base, one)));
}

export function dependencyOutcomes(base: string): Outcome[] {
  const all = packages(base);
  return [
    faultless("versions of the workspace", inexactVersions("package.json", readManifest(base))),
    ...all.map((one) => faultless(`dependencies of ${one.name}`, packageFaults(base, one, all))),
    ...all
      .filter(({ kind }) => ["layer", "client", "redis"].includes(kind))
      .map((one) => faultless(`shape of ${one.name}`, shapeFaults(one))),
    ...all.map((one) => faultless(`import cycles of ${one.name}`, cycleFaults(one))),
    ...strays(base, all),
  ];
}

function packageFaults(base: string, one: Package, all: readonly Package[]): string[] {
  return [...manifestFaults(one, all), ...importFaults(base, one, all), ...unusedFaults(one)];
}

/** A layer folder without a package.json would escape all rules. */
function strays(base: string, all: readonly Package[]): Outcome[] {
  const known = new Set(all.map((one) => one.folder));
  return foldersIn(join(base, "packages/layers"))
    .map((name) => `packages/layers/${name}`)
    .filter((folder) => !known.has(folder))
    .map((folder) => failed(`shape of ${folder}`, `${folder}: has no package.json`));
}
