// Builds `pagoda` as a single executable that needs no Node: the bundled program in a copy of Node.
// The pinned Node needs fewer shared libraries than later ones: see packages/proxy/deploy/Containerfile.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { buildPage, pageAssets } from "./page.ts";
import { root } from "./workspace.ts";

const proxy = join(root, "packages/proxy");
const folder = join(root, "dist");
/** The marker by which Node recognizes a single executable. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** @returns The path of the executable. */
export async function buildBinary(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(proxy, "package.json"), "utf8")) as {
    readonly version: string;
  };
  const page = await buildPage();
  if (page.code !== 0) throw new Error(`the live page cannot be built:\n${page.output}`);
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
      assets: pageAssets(),
    }),
  );
  run(process.execPath, "--experimental-sea-config", config);
  copyFileSync(process.execPath, executable);
  chmodSync(executable, 0o755);
  const isMac = process.platform === "darwin";
  // The change invalidates the signature, and macOS refuses to start unsigned executables.
  if (isMac) run("codesign", "--remove-signature", executable);
  const place = ["NODE_SEA_BLOB", blob, "--sentinel-fuse", fuse];
  run("postject", executable, ...place, ...(isMac ? ["--macho-segment-name", "NODE_SEA"] : []));
  if (isMac) run("codesign", "--sign", "-", executable);
  return executable;
}

function run(program: string, ...args: readonly string[]): void {
  const path = `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`;
  // On failure the error contains the output; otherwise postject prints irrelevant warnings.
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, PATH: path } });
}

if (import.meta.main) console.log(await buildBinary());
