// npm run new-layer NAME: generates a working, tested layer package as a starting point.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { command, pnpm } from "./command.ts";
import { generate, nameProblem } from "./new-layer/generate.ts";
import { root } from "./workspace.ts";

const [name = ""] = process.argv.slice(2);
const directory = join(root, "packages/layers", name);
const problem =
  nameProblem(name) ?? (existsSync(directory) ? `packages/layers/${name} already exists` : undefined);
process.exitCode = problem === undefined ? await make() : refuse(problem);

async function make(): Promise<number> {
  generate(directory, name);
  await command("oxfmt", ["--write", directory]);
  const installed = await pnpm(["install", "--no-frozen-lockfile", "--silent"]);
  if (installed.code !== 0) {
    console.error(`new-layer: pnpm install failed\n${installed.output}`);
    return 1;
  }
  console.log(`Created packages/layers/${name}. Next: npm test ${name}. See CONTRIBUTING.md for the rest.`);
  return 0;
}

function refuse(why: string): number {
  console.error(`new-layer: ${why}`);
  return 2;
}
