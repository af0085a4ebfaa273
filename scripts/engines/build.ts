import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { command } from "../command.ts";

/** How to build a program with Go. */
export interface Recipe {
  readonly program: string;
  /** The folder of its module. */
  readonly source: string;
  /** The package to build. */
  readonly from: string;
  /** The module whose version it has. */
  readonly module: string;
  /** Flags of the linker, for this version. */
  readonly flags: (version: string) => string;
  /** Printed before it is built. */
  readonly minutes: string;
}

/** The folder with a program, or what is missing. */
export type Built = { readonly folder: string } | { readonly missing: string };

/** Builds a program unless that has been done. It is kept outside of the repository. */
export async function built({ program, source, from, module, flags, minutes }: Recipe): Promise<Built> {
  const [, version = ""] =
    new RegExp(`^\\s*${module} v(\\S+)`, "mu").exec(readFileSync(join(source, "go.mod"), "utf8")) ?? [];
  // Another recipe makes another program.
  const recipe = createHash("sha256");
  for (const name of readdirSync(source).toSorted()) recipe.update(readFileSync(join(source, name)));
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "pagoda/engines", `${program}-${version}-${recipe.digest("hex").slice(0, 12)}`);
  const file = join(folder, program);
  if (existsSync(file)) return { folder };
  if ((await command("go", ["version"])).code !== 0) return { missing: `Go, to build ${program}` };
  console.log(`Building ${program} ${version}, about ${minutes} of one core …`);
  mkdirSync(folder, { recursive: true });
  // A build that is interrupted leaves nothing that looks complete.
  const incomplete = `${file}.new`;
  const { code, output } = await command(
    "nice",
    ["go", "build", "-trimpath", "-ldflags", `-s -w ${flags(version)}`, "-o", incomplete, from],
    { cwd: source },
  );
  if (code !== 0) return { missing: `${program}, which does not build:\n${output}` };
  renameSync(incomplete, file);
  return { folder };
}
