import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command, type Finished } from "./command.ts";
import { publishable, root } from "./workspace.ts";

const licences = ["LICENSE-MIT", "LICENSE-APACHE"];

/** Makes `dist` of every package that is published, from scratch: leftovers of an older build are removed. */
export function build(): Promise<Finished> {
  const all = publishable();
  for (const { directory } of all) {
    // The compiler believes its notes before it looks for the files.
    for (const made of ["dist", "tsconfig.tsbuildinfo"])
      rmSync(join(directory, made), { recursive: true, force: true });
    // pnpm packs a workspace's LICENSE into each package, but knows it by that one name only.
    for (const licence of licences) copyFileSync(join(root, licence), join(directory, licence));
  }
  return command("tsc", ["-b", ...all.map((one) => one.folder), "--pretty", "false"]);
}

if (import.meta.main) {
  const { code, output } = await build();
  if (output !== "") console.log(output);
  process.exitCode = code === 0 ? 0 : 1;
}
