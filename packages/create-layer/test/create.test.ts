import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  create,
  generatePackage,
  nameProblem,
  spellings,
  versionsOf,
  writeTemplate,
} from "@pagoda/create-layer";
import { afterEach, beforeEach, expect, test } from "vitest";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "pagoda-create-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const creator = {
  program: "create-layer",
  version: "1.2.3",
  usage: "Usage: …",
  flags: ["http"],
  generate: (directory: string, name: string, flags: ReadonlySet<string>) =>
    generatePackage(directory, name, flags.has("http") ? "http" : "generic"),
};

const manifestIn = (folder: string): Record<string, Record<string, string>> =>
  JSON.parse(readFileSync(join(cwd, folder, "package.json"), "utf8")) as never;

test("creates a package in a folder of its name, and says what is next", () => {
  const { code, text } = create(creator, ["@acme/max-length"], cwd);
  expect(text).toBe("Created max-length. Next: cd max-length && npm install && npm test");
  expect(code).toBe(0);
  const manifest = manifestIn("max-length");
  expect(manifest).toMatchObject({ name: "@acme/max-length", version: "0.1.0" });
  expect(Object.keys(manifest["peerDependencies"] ?? {})).toEqual(["@pagoda/core"]);
  const files = ["README.md", ".gitignore", "tsconfig.json", "tsconfig.build.json", "src/index.ts"];
  for (const file of [...files, "src/max-length.ts", "test/max-length.test.ts"])
    expect([file, existsSync(join(cwd, "max-length", file))]).toEqual([file, true]);
  expect(readFileSync(join(cwd, "max-length/src/max-length.ts"), "utf8")).toContain(
    "export function maxLength({ max }: MaxLengthOptions)",
  );
});

test("a layer for HTTP depends on http, too", () => {
  expect(create(creator, ["max-upload", "--http"], cwd).code).toBe(0);
  const { peerDependencies, devDependencies } = manifestIn("max-upload");
  expect(Object.keys(peerDependencies ?? {})).toEqual(["@pagoda/core", "@pagoda/http"]);
  expect(Object.keys(devDependencies ?? {})).toContain("@pagoda/http");
});

test.each([
  [[], 'name must be lower-case words joined by "-", such as max-length or @acme/max-length (got "")'],
  [["max-calls", "max-upload"], 'expected one name (got "max-upload", too)'],
  [["max-calls", "--htpp"], "Unknown option '--htpp'"],
])("with the arguments %j, creates nothing and says why", (args, why) => {
  const { code, text } = create(creator, args, cwd);
  expect(text).toContain(`create-layer: ${why}`);
  expect(text).toContain("\nUsage: …");
  expect(code).toBe(2);
  expect(existsSync(join(cwd, "max-calls"))).toBe(false);
});

test("does not write into a folder that exists", () => {
  create(creator, ["max-calls"], cwd);
  expect(create(creator, ["max-calls", "--http"], cwd)).toMatchObject({ code: 2 });
  expect(Object.keys(manifestIn("max-calls")["peerDependencies"] ?? {})).toEqual(["@pagoda/core"]);
});

test("--version and --help create nothing", () => {
  expect(create(creator, ["--version", "a"], cwd)).toEqual({ code: 0, text: "1.2.3" });
  expect(create(creator, ["--help", "a"], cwd)).toEqual({ code: 0, text: "Usage: …" });
  expect(existsSync(join(cwd, "a"))).toBe(false);
});

test.each(["", "Max", "max_length", "-max", "max-", "1st", "a/b", "..", "@acme/", "@/a", "@acme/../a"])(
  "%j is not a valid name",
  (name) => {
    expect(nameProblem(name)).toContain(`"${name}"`);
  },
);

test("a name has three spellings", () => {
  expect(spellings("@acme/max-body-2")).toMatchObject({
    name: "max-body-2",
    camel: "maxBody2",
    Pascal: "MaxBody2",
    package: "@acme/max-body-2",
  });
});

test.each([
  ["@acme/pagoda-max-length", "max-length"],
  ["max-length-layer", "max-length"],
  ["@acme/pagoda-max-length-policy", "max-length"],
  ["pagoda-2", "pagoda-2"],
  ["pagoda", "pagoda"],
  ["policy", "policy"],
  ["pagoda-policy", "policy"],
])("the name of %s in code is %s", (packageName, name) => {
  expect(spellings(packageName)).toMatchObject({ name, package: packageName });
});

test("the range of a peer includes its next minor version", () => {
  const peers = { "@pagoda/core": "^0.3.1", "@pagoda/http": "^1.2.3", other: "workspace:^" };
  expect(versionsOf({ devDependencies: { "@pagoda/core": "0.3.1" }, peerDependencies: peers })).toEqual({
    "@pagoda/core": "^0.3.1",
    "@pagoda/http": "^1.2.3",
    other: "workspace:^",
    "peer/@pagoda/core": ">=0.3.1 <1.0.0",
    "peer/@pagoda/http": "^1.2.3",
    "peer/other": "workspace:^",
  });
});

test("a word that a template needs must be given", () => {
  const folder = join(import.meta.dirname, "../template/generic");
  expect(() => writeTemplate([folder], join(cwd, "a"), {})).toThrow(/^template: word must be given \(got "/);
});
