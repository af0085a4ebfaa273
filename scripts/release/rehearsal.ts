// A release in a copy of this repository, to a temporary registry and remote. Needs no network.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failed, faultless, type Outcome, passed } from "../checks/outcome.ts";
import { command, pnpm } from "../command.ts";
import { type Manifest, type Package, publishable } from "../workspace.ts";
import { type Published, startRegistry } from "./registry.ts";
import { changesets, git } from "./release.ts";

export async function rehearse(): Promise<Outcome[]> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "pagoda-release-")));
  try {
    const copy = join(directory, "copy");
    const problem = await makeCopy(directory, copy);
    if (problem !== undefined) return [failed("copy of the repository", problem)];
    // The first attempt fails midway, and the second continues.
    await using registry = await startRegistry("@pagoda/retry");
    const notes = changesets(copy).map((name) => readFileSync(join(copy, ".changeset", name), "utf8"));
    const release = ["scripts/release.ts", "--registry", registry.url];
    const first = await command(process.execPath, release, { cwd: copy });
    if (first.code !== 1 || !first.output.includes("not this time"))
      return [failed("a release that fails", first.output)];
    const second = await command(process.execPath, release, { cwd: copy });
    if (second.code !== 0) return [failed("a resumed release", second.output)];
    const { output: tags } = await git("-C", copy, "ls-remote", "--tags", "origin");
    const evidence = { published: registry.published, notes, tags };
    return [
      passed("a release that fails midway and is resumed"),
      faultless("no changeset is left", changesets(copy)),
      ...publishable(copy).map((one) => packageOutcome(one, evidence)),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The current files, committed or not, with a remote of their own. */
async function makeCopy(directory: string, copy: string): Promise<string | undefined> {
  mkdirSync(copy);
  const remote = join(directory, "remote");
  const files = "git ls-files -z --cached --others --exclude-standard";
  const steps = [
    () => command("sh", ["-c", `${files} | tar --null --files-from=- --create | tar -x -C "$0"`, copy]),
    () => pnpm(["install", "--offline", "--frozen-lockfile", "--ignore-scripts", "--silent"], { cwd: copy }),
    () => git("init", "--quiet", "--bare", remote),
    () => git("init", "--quiet", "--initial-branch", "main", copy),
    () => git("-C", copy, "add", "--all"),
    () => git("-C", copy, "commit", "--quiet", "--message", "Current state"),
    () => git("-C", copy, "remote", "add", "origin", remote),
  ];
  for (const step of steps) {
    const { code, output } = await step();
    if (code !== 0) return output;
  }
  return undefined;
}

function packageOutcome(one: Package, evidence: Evidence): Outcome {
  const own = evidence.published.filter(({ manifest }) => manifest.name === one.name);
  const size = own.map(({ bytes }) => `${Math.ceil(bytes / 1024)} KiB`).join();
  return faultless(`release of ${one.name} ${one.manifest.version}, ${size}`, releaseFaults(one, evidence));
}

/** The results of a release. */
export interface Evidence {
  readonly published: readonly Published[];
  /** The changesets that it applied. */
  readonly notes: readonly string[];
  /** As `git ls-remote` lists them. */
  readonly tags: string;
}

/** Faults of a package after a release. */
export function releaseFaults(
  { name, directory, manifest: { version } }: Package,
  { published, notes, tags }: Evidence,
): string[] {
  const own = published.filter(({ manifest }) => manifest.name === name);
  const versions = new Map(published.map(({ manifest }) => [manifest.name, manifest.version]));
  const changelog = join(directory, "CHANGELOG.md");
  const isNoted = notes.some((note) => note.includes(`"${name}": `));
  const hasEntry = existsSync(changelog) && readFileSync(changelog, "utf8").includes(`\n## ${version}\n`);
  return [
    ...(version === "0.0.0" ? ["no changeset names it"] : []),
    ...(own.length === 1 ? [] : [`published ${own.length} times`]),
    ...own.flatMap(({ manifest }) =>
      manifest.version === version ? [] : [`published as ${manifest.version}`],
    ),
    ...own.flatMap(({ manifest }) => mismatches(manifest, versions)),
    ...(isNoted && !hasEntry ? [`CHANGELOG.md has no entry for ${version}`] : []),
    ...(new RegExp(`refs/tags/${name}@${version}$`, "mu").test(tags) ? [] : ["it has no tag"]),
  ];
}

/** Dependencies on our own packages in another version than the one published with it. */
function mismatches(
  { dependencies = {}, peerDependencies = {} }: Manifest,
  versions: ReadonlyMap<string | undefined, string | undefined>,
): string[] {
  return Object.entries({ ...dependencies, ...peerDependencies })
    .filter(([name]) => name.startsWith("@pagoda/"))
    .filter(([name, range]) => range.replace(/^[\^~]/u, "") !== versions.get(name))
    .map(([name, range]) => `depends on ${name} ${range}, but ${versions.get(name)} was published`);
}
