// npm run new-layer -- NAME [--http]: generates a working, tested layer package as a starting point.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { generateInRepository, nameProblem } from "../packages/create-layer/src/index.ts";
import { command, pnpm } from "./command.ts";
import { root } from "./workspace.ts";

try {
  const options = { http: { type: "boolean" } } as const;
  const { positionals, values } = parseArgs({ options, allowPositionals: true });
  const [name = "", another] = positionals;
  const directory = join(root, "packages/layers", name);
  const problem =
    (name.startsWith("@") ? `name must have no scope (got "${name}")` : nameProblem(name)) ??
    (another === undefined ? undefined : `expected one name (got "${another}", too)`) ??
    (existsSync(directory) ? `packages/layers/${name} already exists` : undefined);
  process.exitCode =
    problem === undefined ? await make(directory, name, values.http ? "http" : "generic") : refuse(problem);
} catch (error) {
  process.exitCode = refuse((error as Error).message);
}

async function make(directory: string, name: string, kind: "http" | "generic"): Promise<number> {
  generateInRepository(directory, name, kind);
  await command("oxfmt", ["--write", directory]);
  const installed = await pnpm(["install", "--no-frozen-lockfile", "--silent"]);
  if (installed.code !== 0) {
    console.error(`new-layer: pnpm install failed\n${installed.output}`);
    return 1;
  }
  console.log(
    `Created packages/layers/${name}. Next: npm test ${name}, which also says where to list it. See CONTRIBUTING.md for the rest.`,
  );
  return 0;
}

function refuse(why: string): number {
  console.error(`new-layer: ${why}`);
  return 2;
}
