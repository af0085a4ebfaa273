import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import changelog from "../../.changeset/changelog.ts";
import { command } from "../command.ts";
import { startRegistry } from "../release/registry.ts";
import { type Evidence, releaseFaults } from "../release/rehearsal.ts";
import { changesets } from "../release/release.ts";
import { packages, type Manifest, root } from "../workspace.ts";
import { tree } from "./fixture.ts";

const core: Manifest = { name: "@pagoda/core", version: "0.2.0" };
const retry: Manifest = {
  name: "@pagoda/retry",
  version: "0.1.1",
  dependencies: { undici: "8.0.0" },
  peerDependencies: { "@pagoda/core": "^0.2.0" },
};
const sound: Evidence = {
  published: [core, retry].map((manifest) => ({ manifest, bytes: 1 })),
  notes: [`---\n"@pagoda/retry": patch\n---\n\nFixed.\n`],
  tags: "1a refs/tags/@pagoda/core@0.2.0\n2b refs/tags/@pagoda/retry@0.1.1",
};

function faults(evidence: Partial<Evidence>, entry = "0.1.1", version = "0.1.1"): string[] {
  const base = tree({
    "packages/layers/retry/package.json": { ...retry, version },
    "packages/layers/retry/CHANGELOG.md": `# @pagoda/retry\n\n## ${entry}\n\n- Fixed.\n`,
  });
  return packages(base).flatMap((one) => releaseFaults(one, { ...sound, ...evidence }));
}

test("a package that is published, tagged and in its changelog has no fault", () => {
  expect(faults({})).toEqual([]);
});

test("each step that a release omits is a fault", () => {
  const of = (...manifests: readonly Manifest[]): Partial<Evidence> => ({
    published: manifests.map((manifest) => ({ manifest, bytes: 1 })),
  });
  expect(faults(of(core))).toEqual(["published 0 times"]);
  expect(faults(of(core, retry, retry))).toEqual(["published 2 times"]);
  expect(faults(of(core, { ...retry, version: "0.1.0" }))).toEqual(["published as 0.1.0"]);
  expect(faults(of({ ...core, version: "0.3.0" }, retry))).toEqual([
    "depends on @pagoda/core ^0.2.0, but 0.3.0 was published",
  ]);
  expect(faults({}, "0.1.0")).toEqual(["CHANGELOG.md has no entry for 0.1.1"]);
  expect(faults({ tags: "2b refs/tags/@pagoda/retry@0.1.10" })).toEqual(["it has no tag"]);
  expect(faults({}, "0.0.0", "0.0.0")).toContain("no changeset names it");
});

test("a changeset can be written without a terminal, as its README says", async () => {
  const readme = readFileSync(join(root, ".changeset/README.md"), "utf8");
  const [, args = ""] = /^npm run changeset -- (.*)$/mu.exec(readme) ?? [];
  const manifests = ["core", "http", "timeout"].map((name) => [
    `packages/${name}/package.json`,
    { name: `@pagoda/${name}`, version: "0.0.0" },
  ]);
  const config = JSON.parse(readFileSync(join(root, ".changeset/config.json"), "utf8")) as object;
  const base = tree({
    ".changeset/config.json": config,
    "package.json": { name: "pagoda", private: true },
    "pnpm-workspace.yaml": "packages: [packages/*]",
    "pnpm-lock.yaml": "",
    ...Object.fromEntries(manifests),
  });
  // Standard input is not a terminal, and pnpm is not installed.
  const { code, output } = await command("sh", ["-c", `changeset ${args}`], {
    cwd: base,
    env: { GIT_CEILING_DIRECTORIES: base },
  });
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  const [name = ""] = changesets(base);
  expect(
    readFileSync(join(base, ".changeset", name), "utf8")
      .trim()
      .split("\n"),
  ).toEqual([
    "---",
    `"@pagoda/timeout": minor`,
    `"@pagoda/core": patch`,
    `"@pagoda/http": patch`,
    "---",
    "",
    "A time limit may be paused.",
  ]);
  expect(await command("oxfmt", ["--check", join(base, ".changeset", name)])).toMatchObject({ code: 0 });
});

test("a changelog has each note unchanged and new dependencies on one line", async () => {
  expect(await changelog.getReleaseLine({ summary: "Retries stop.\n\nMore:\nless.\n" })).toBe(
    "- Retries stop.\n\n  More:\n  less.",
  );
  const updated = [core, retry].map(({ name = "", version = "" }) => ({ name, newVersion: version }));
  expect(await changelog.getDependencyReleaseLine([], updated)).toBe(
    "- Updated @pagoda/core 0.2.0, @pagoda/retry 0.1.1",
  );
  expect(await changelog.getDependencyReleaseLine([], [])).toBe("");
});

test("the registry serves only what was published to it", async () => {
  await using registry = await startRegistry();
  const url = `${registry.url}@pagoda%2fcore`;
  expect((await fetch(url)).status).toBe(404);
  const body = { name: core.name, versions: { "0.2.0": core }, _attachments: { "a.tgz": { length: 3 } } };
  expect((await fetch(url, { method: "PUT", body: JSON.stringify(body) })).status).toBe(201);
  expect(await (await fetch(url)).json()).toMatchObject({ versions: { "0.2.0": core } });
  expect(registry.published).toEqual([{ manifest: core, bytes: 3 }]);
});

test("the registry can be told to refuse a package once", async () => {
  await using registry = await startRegistry("@pagoda/core");
  const put = async (): Promise<number> => {
    const body = JSON.stringify({ name: core.name, versions: { "0.2.0": core }, _attachments: {} });
    return (await fetch(`${registry.url}@pagoda%2fcore`, { method: "PUT", body })).status;
  };
  expect([await put(), await put()]).toEqual([403, 201]);
});

test.each([
  [[], 1, "release: packages are published by the workflow release.yml; here there is --dry-run"],
  [["--dryrun"], 2, "release: Unknown option '--dryrun'"],
  [["minor"], 2, "release: Unexpected argument 'minor'"],
])("npm run release with %j outside of CI publishes nothing", async (args, code, message) => {
  const env = { GITHUB_ACTIONS: "" };
  const finished = await command(process.execPath, ["scripts/release.ts", ...args], { env });
  expect(finished.code).toBe(code);
  expect(finished.output).toContain(message);
});
