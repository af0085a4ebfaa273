// Packs the tarballs, installs them into an empty project and uses them there.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../build.ts";
import { pooled } from "../command.ts";
import { pageBytes } from "../page.ts";
import { type Package, publishable } from "../workspace.ts";
import { exited, failed, faultless, type Outcome, type Step } from "./outcome.ts";
import { aloneOutcomes } from "./published/alone.ts";
import { bundleOutcome, coreInstallOutcome } from "./published/bundle.ts";
import { createdOutcome, creations } from "./published/created.ts";
import { lowestOutcome, spanOutcomes } from "./published/peers.ts";
import { install, typesOutcomes } from "./published/project.ts";
import { nodes, refusalOutcome, useOutcome } from "./published/nodes.ts";
import { twoCopiesOutcome } from "./published/two-copies.ts";
import { pageFaults } from "./published/sizes.ts";
import { pack, tarballOutcomes } from "./published/tarball.ts";

export const published: Step = {
  name: "published",
  async run() {
    const built = await build();
    if (built.code !== 0) return [exited("build", built)];
    // The real path: compilers and Node resolve links, and their messages should match ours.
    const directory = realpathSync(mkdtempSync(join(tmpdir(), "pagoda-published-")));
    try {
      return [
        exited("build", built),
        faultless("size of the live page", pageFaults(pageBytes())),
        ...(await packedOutcomes(directory)),
      ];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

async function packedOutcomes(directory: string): Promise<Outcome[]> {
  const all = publishable();
  const packed = await pack(all, directory);
  if (packed.code !== 0) return [exited("pack", packed)];
  const [together, apart] = await Promise.all([
    togetherOutcomes(all, directory),
    apartOutcomes(all, directory),
  ]);
  return [...together, ...apart];
}

/** Checks with everything installed into one project. */
async function togetherOutcomes(all: readonly Package[], directory: string): Promise<Outcome[]> {
  const installed = await install(all, directory);
  if (installed.code !== 0) return [failed("install into an empty project", installed.output)];
  const programs = all.filter(({ manifest }) => manifest.bin !== undefined);
  const uses = all.flatMap((one) => nodes.map((node) => ({ one, node })));
  const width = availableParallelism();
  return [
    exited("install into an empty project", installed),
    ...(await typesOutcomes(all, directory)),
    await twoCopiesOutcome(directory),
    ...(await pooled(creations, width, (creation) => createdOutcome(creation, all, directory))),
    await bundleOutcome("neutral", directory),
    await bundleOutcome("node", directory),
    ...(await pooled(programs, width, (one) => refusalOutcome(one, directory))),
    ...(await pooled(uses, width, ({ one, node }) => useOutcome(one, node, directory))),
  ];
}

/** Checks of each tarball, and of projects with some of them. */
async function apartOutcomes(all: readonly Package[], directory: string): Promise<Outcome[]> {
  const libraries = all.filter(({ kind }) => kind !== "proxy" && kind !== "create");
  const tarballs = await Promise.all(all.map((one) => tarballOutcomes(one, directory)));
  return [
    ...tarballs.flat(),
    ...(await aloneOutcomes(libraries, all, directory)),
    ...(await spanOutcomes(all, directory)),
    await lowestOutcome(all, directory),
    ...(await Promise.all(
      all.filter(({ kind }) => kind === "core").map((core) => coreInstallOutcome(core, directory)),
    )),
  ];
}
