import { globSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import type { Package } from "../../workspace.ts";
import { failed, faultless, type Outcome } from "../outcome.ts";
import { installQuietly, projectIn } from "./project.ts";
import { bundleFaults, installFaults } from "./sizes.ts";
import { tarball } from "./tarball.ts";

/** A stack of core and four layers, as a browser or an edge function would bundle it. */
const fourLayers = `
import { idempotent, right, service, ServiceBuilder } from "@pagoda/core";
import { circuitBreaker } from "@pagoda/circuit-breaker";
import { rateLimit } from "@pagoda/rate-limit";
import { retry } from "@pagoda/retry";
import { timeout } from "@pagoda/timeout";

const stack = new ServiceBuilder()
  .layer(rateLimit({ global: { perSecond: 100 } }))
  .layer(retry())
  .layer(circuitBreaker())
  .layer(timeout({ ms: 1_000 }))
  .service(service("answer", async () => right("answered")));
export const result = await stack.call({ replay: idempotent });
`;

/** Bundles a stack from the installed packages, measures the bundle and runs it. */
export async function bundleOutcome(platform: "neutral" | "node", directory: string): Promise<Outcome> {
  const title = `size of core and four layers, bundled (${platform})`;
  // Imported here because it starts a process.
  const { build } = await import("esbuild");
  const project = projectIn(directory);
  const outfile = join(project, `four-layers.${platform}.mjs`);
  const { outputFiles, errors } = await build({
    stdin: { contents: fourLayers, resolveDir: project, sourcefile: "four-layers.mjs" },
    bundle: true,
    minify: true,
    format: "esm",
    platform,
    outfile,
    write: false,
    logLevel: "silent",
  }).catch((error: Error) => ({ outputFiles: [], errors: [{ text: error.message }] }));
  const [output] = outputFiles;
  if (output === undefined) return failed(title, errors.map(({ text }) => text).join("\n"));
  writeFileSync(outfile, output.contents);
  const { result } = (await import(pathToFileURL(outfile).href)) as { readonly result: unknown };
  const answer = JSON.stringify(result);
  return faultless(title, [
    ...(answer.includes("answered") ? [] : [`the bundle must answer its call (got ${answer})`]),
    ...bundleFaults(output.contents.length, gzipSync(output.contents).length),
  ]);
}

/** Installs core into a project of its own and measures everything that npm brings. */
export async function coreInstallOutcome(core: Package, directory: string): Promise<Outcome> {
  const title = `size of ${core.name}, installed`;
  const project = join(directory, "core-only");
  mkdirSync(project);
  const dependencies = { [core.name]: `file:${tarball(core, directory)}` };
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, dependencies }));
  const installed = await installQuietly(project);
  if (installed.code !== 0) return failed(title, installed.output);
  const files = globSync("node_modules/**", { cwd: project }).map((file) => statSync(join(project, file)));
  return faultless(title, installFaults(files.reduce((sum, { size }) => sum + size, 0)));
}
