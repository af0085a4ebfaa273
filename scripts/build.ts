import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command, type Finished } from "./command.ts";
import { buildPage } from "./page.ts";
import { publishable, root } from "./workspace.ts";

const licences = ["LICENSE-MIT", "LICENSE-APACHE"];

/** Builds `dist` of every published package, and the live page, from scratch. */
export async function build(): Promise<Finished> {
  const all = publishable();
  for (const { directory } of all) {
    // Otherwise the compiler trusts its build info and does not notice that files are missing.
    for (const made of ["dist", "tsconfig.tsbuildinfo"])
      rmSync(join(directory, made), { recursive: true, force: true });
    // pnpm packs the workspace's LICENSE into each package, but only a file of exactly that name.
    for (const licence of licences) copyFileSync(join(root, licence), join(directory, licence));
  }
  const compiled = await command("tsc", ["-b", ...all.map((one) => one.folder), "--pretty", "false"]);
  return compiled.code === 0 ? buildPage() : compiled;
}

if (import.meta.main) {
  const { code, output } = await build();
  if (output !== "") console.log(output);
  process.exitCode = code === 0 ? 0 : 1;
}
