import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/u, "");

export type Kind =
  | "core"
  | "http"
  | "linear-regex"
  | "layer"
  | "client"
  | "redis"
  | "create"
  | "proxy"
  | "simulation"
  | "examples"
  | "bench";

export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly description?: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface Package {
  /** The name of its folder, as in `npm test <package>`. */
  readonly short: string;
  readonly name: string;
  readonly kind: Kind;
  /** Relative to the workspace's root. */
  readonly folder: string;
  readonly directory: string;
  readonly manifest: Manifest;
}

/** Every package of the workspace, core first, then http. Folders without a package.json are ignored. */
export function packages(base: string = root): Package[] {
  const layers = foldersIn(join(base, "packages/layers")).map((name) => `packages/layers/${name}`);
  const others = [
    "client",
    "redis",
    "create-layer",
    "create-policy",
    "proxy",
    "simulation",
    "examples",
    "bench",
  ].map((name) => `packages/${name}`);
  const folders = ["packages/core", "packages/http", "packages/linear-regex", ...layers, ...others];
  return folders
    .filter((folder) => existsSync(join(base, folder, "package.json")))
    .map((folder) => toPackage(base, folder));
}

export function publishable(base: string = root): Package[] {
  return packages(base).filter((one) => one.manifest.private !== true);
}

export function foldersIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}

export function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
}

function toPackage(base: string, folder: string): Package {
  const directory = join(base, folder);
  const manifest = readManifest(directory);
  const short = folder.slice(folder.lastIndexOf("/") + 1);
  const kind = folder.startsWith("packages/layers/")
    ? "layer"
    : short.startsWith("create-")
      ? "create"
      : (short as Kind);
  return { short, name: manifest.name ?? short, kind, folder, directory, manifest };
}
