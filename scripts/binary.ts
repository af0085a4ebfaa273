// Makes `pagoda` as one executable file, which needs no Node: the program as one text, in a copy of Node.
// The pinned Node needs fewer libraries than later ones: see packages/proxy/deploy/Containerfile.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { root } from "./workspace.ts";

const proxy = join(root, "packages/proxy");
const folder = join(root, "dist");
/** What Node looks for in itself to see whether it is a single executable. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** @returns Where the executable lies. */
export async function buildBinary(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(proxy, "package.json"), "utf8")) as {
    readonly version: string;
  };
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "pagoda.cjs");
  await build({
    entryPoints: [join(proxy, "src/binary.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    target: `node${process.versions.node}`,
    format: "cjs",
    minify: true,
    keepNames: true,
    define: { pagodaVersion: JSON.stringify(version), "import.meta.url": '""' },
    logLevel: "error",
  });
  const executable = join(folder, "pagoda");
  const config = join(folder, "sea.json");
  const blob = join(folder, "sea.blob");
  writeFileSync(
    config,
    JSON.stringify({
      main: program,
      output: blob,
      disableExperimentalSEAWarning: true,
    }),
  );
  run(process.execPath, "--experimental-sea-config", config);
  copyFileSync(process.execPath, executable);
  chmodSync(executable, 0o755);
  const isMac = process.platform === "darwin";
  // A signature that no longer fits is worse than none, and without one macOS starts nothing.
  if (isMac) run("codesign", "--remove-signature", executable);
  const place = ["NODE_SEA_BLOB", blob, "--sentinel-fuse", fuse];
  run("postject", executable, ...place, ...(isMac ? ["--macho-segment-name", "NODE_SEA"] : []));
  if (isMac) run("codesign", "--sign", "-", executable);
  return executable;
}

function run(program: string, ...args: readonly string[]): void {
  const path = `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`;
  // What it says is in the error when it fails; otherwise postject warns of what does not matter.
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, PATH: path } });
}

if (import.meta.main) console.log(await buildBinary());
