// npm run release: applies the changesets to versions and changelogs, builds, publishes, tags and pushes.
//   --dry-run       all of that in a copy of the repository, to a temporary registry
//   --registry URL  to another registry, without provenance
import { parseArgs } from "node:util";
import { rehearse } from "./release/rehearsal.ts";
import { release } from "./release/release.ts";

try {
  const options = { "dry-run": { type: "boolean" }, registry: { type: "string" } } as const;
  const { values } = parseArgs({ options });
  process.exitCode = values["dry-run"] ? await rehearsed() : await released(values.registry);
} catch (error) {
  console.error(`release: ${(error as Error).message}`);
  process.exitCode = 2;
}

async function rehearsed(): Promise<number> {
  const outcomes = await rehearse();
  for (const { name, result, detail } of outcomes)
    console.log(result === "passed" ? name : `✗ ${name}\n${detail}`);
  return outcomes.every(({ result }) => result === "passed") ? 0 : 1;
}

async function released(registry: string | undefined): Promise<number> {
  // Only the workflow that builds a package can attest its provenance.
  const problem =
    registry === undefined && process.env["GITHUB_ACTIONS"] !== "true"
      ? "packages are published by the workflow release.yml; here there is --dry-run"
      : await release(registry);
  if (problem === undefined) return 0;
  console.error(`release: ${problem}`);
  return 1;
}
