// pnpm new-layer NAME: a layer package that works and is tested, to be changed into the one that is wanted.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { command, pnpm } from "./command.ts";
import { generate, nameProblem } from "./new-layer/generate.ts";
import { root } from "./workspace.ts";

const [name = ""] = process.argv.slice(2);
const directory = join(root, "packages/layers", name);
const problem =
  nameProblem(name) ?? (existsSync(directory) ? `packages/layers/${name} exists already` : undefined);
process.exitCode = problem === undefined ? await make() : refuse(problem);

async function make(): Promise<number> {
  generate(directory, name);
  await command("oxfmt", ["--write", directory]);
  const installed = await pnpm(["install", "--no-frozen-lockfile", "--silent"]);
  if (installed.code !== 0) {
    console.error(`new-layer: pnpm install failed\n${installed.output}`);
    return 1;
  }
  console.log(`packages/layers/${name} is there. Next: npm test ${name}, and CONTRIBUTING.md for the rest.`);
  return 0;
}

function refuse(why: string): number {
  console.error(`new-layer: ${why}`);
  return 2;
}
