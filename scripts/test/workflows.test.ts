import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { nodes } from "../checks/published/nodes.ts";
import { root } from "../workspace.ts";

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly unknown[]>> };
  readonly steps: readonly Step[];
}

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly run?: string;
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = join(root, ".github/workflows");
const names = globSync("*.yml", { cwd: folder });
const textOf = (name: string): string => readFileSync(join(folder, name), "utf8");
const read = (name: string): Workflow => parse(textOf(name)) as Workflow;
const runs = (name: string): string[] =>
  Object.values(read(name).jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));

describe.each(names)("%s", (name) => {
  test("has read-only permissions unless a job requests more", () => {
    expect(read(name).permissions).toEqual({ contents: "read" });
  });

  test("sets a timeout for each job", () => {
    for (const job of Object.values(read(name).jobs)) expect(job["timeout-minutes"]).toBeGreaterThan(0);
  });

  test("pins each action to a commit, with its version as a comment", () => {
    const actions = textOf(name).match(/\buses:.*/gu) ?? [];
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) expect(action).toMatch(/^uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/u);
  });

  test("persists credentials only for a job that pushes", () => {
    for (const { permissions, steps } of Object.values(read(name).jobs)) {
      const clones = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
      expect(clones.length).toBeGreaterThan(0);
      const pushes = permissions?.["contents"] === "write";
      for (const { with: options } of clones) expect(options?.["persist-credentials"]).toBe(pushes);
    }
  });
});

test("test.yml runs what .ci/run runs", () => {
  expect(runs("test.yml")).toContain(".ci/run");
});

test("release.yml does a dry run, then publishes with provenance", () => {
  expect(runs("release.yml")).toEqual(["npm run release -- --dry-run", "npm run release"]);
  expect(read("release.yml").jobs["publish"]?.permissions).toEqual({
    contents: "write",
    "id-token": "write",
  });
});

test("test.yml covers each Node version that published packages support", () => {
  const tried = read("test.yml").jobs["node"]?.strategy?.matrix["node"];
  expect(tried?.map((version) => `Node ${String(version)}`)).toEqual(nodes.map(({ name }) => name));
});

test(".nvmrc names the Node version used for all tests", () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(readFileSync(join(root, ".nvmrc"), "utf8")).toBe(`${devDependencies.node}\n`);
});
