// Makes `pagoda` as one executable file, which needs no Node: the program as two texts, of the main
// thread and of the workers, in a copy of Node.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./workspace.ts";

const proxy = join(root, "packages/proxy");
const folder = join(root, "dist");

/** @returns Where the executable lies. */
export async function buildBinary(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(proxy, "package.json"), "utf8")) as {
    readonly version: string;
  };
  mkdirSync(folder, { recursive: true });
  const bundled = async (source: string, name: string): Promise<string> => {
    const outfile = join(folder, name);
    await build({
      entryPoints: [join(proxy, source)],
      outfile,
      bundle: true,
      platform: "node",
      target: `node${process.versions.node}`,
      format: "cjs",
      minify: true,
      keepNames: true,
      define: { pagodaVersion: JSON.stringify(version), "import.meta.url": '""' },
      logLevel: "error",
    });
    return outfile;
  };
  const program = await bundled("src/binary.ts", "pagoda.cjs");
  const worker = await bundled("src/control/entry.ts", "worker.cjs");
  const executable = join(folder, "pagoda");
  const config = join(folder, "sea.json");
  writeFileSync(
    config,
    JSON.stringify({
      main: program,
      output: executable,
      disableExperimentalSEAWarning: true,
      assets: { worker },
    }),
  );
  execFileSync(process.execPath, ["--build-sea", config], { stdio: ["ignore", "ignore", "inherit"] });
  return executable;
}

if (import.meta.main) console.log(await buildBinary());
