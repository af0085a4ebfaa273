import { globSync } from "node:fs";
import { join } from "node:path";
import { build } from "../build.ts";
import { command, type Finished, pnpm } from "../command.ts";
import { root } from "../workspace.ts";

/** Author of commits and tags. */
const author = {
  GIT_AUTHOR_NAME: "github-actions[bot]",
  GIT_AUTHOR_EMAIL: "41898282+github-actions[bot]@users.noreply.github.com",
  GIT_COMMITTER_NAME: "github-actions[bot]",
  GIT_COMMITTER_EMAIL: "41898282+github-actions[bot]@users.noreply.github.com",
};

/**
 * Applies the changesets, publishes and tags. After a failure it continues where it stopped: packages that the registry
 * already has are skipped.
 *
 * @param registry Publish there instead of to npm's registry with provenance.
 * @returns What went wrong, if anything.
 */
export async function release(registry: string | undefined): Promise<string | undefined> {
  const { output: changes } = await git("status", "--porcelain");
  if (changes !== "") return `uncommitted changes:\n${changes}`;
  const to = registry === undefined ? ["--provenance"] : ["--registry", registry];
  const publishing = ["--access", "public", "--no-git-checks", "--ignore-scripts", ...to];
  return firstProblem([
    ...(changesets().length > 0 ? [version, () => git("add", "--all"), commit] : []),
    // Before publishing, because the push is rejected if the branch has moved.
    () => git("push", "origin", "HEAD"),
    build,
    () => pnpm(["publish", "--recursive", ...publishing], { live: true }),
    () => command("changeset", ["git-tag"], { env: author }),
    () => git("push", "origin", "--tags"),
  ]);
}

export function changesets(base: string = root): string[] {
  return globSync("*.md", { cwd: join(base, ".changeset"), exclude: ["README.md"] });
}

const version = (): Promise<Finished> => pnpm(["exec", "changeset", "version"]);
const commit = (): Promise<Finished> => git("commit", "--message", "release: versions and changelogs");

export function git(...args: readonly string[]): Promise<Finished> {
  return command("git", args, { env: author });
}

async function firstProblem(steps: readonly (() => Promise<Finished>)[]): Promise<string | undefined> {
  for (const step of steps) {
    const { code, output } = await step();
    if (code !== 0) return output || `exited with ${code}`;
  }
  return undefined;
}
