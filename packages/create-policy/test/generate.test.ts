import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePolicy } from "@pagoda/create-policy";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pagoda-create-policy-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("creates a package whose policy has the name of the package in camel case", () => {
  generatePolicy(folder, "@acme/api-version");
  const read = (file: string): string => readFileSync(join(folder, file), "utf8");
  const manifest = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
  expect(manifest).toMatchObject({ name: "@acme/api-version", version: "0.1.0" });
  expect(Object.keys(manifest["peerDependencies"] ?? {})).toEqual([
    "@pagoda/core",
    "@pagoda/http",
    "@pagoda/proxy",
  ]);
  expect(read("src/policy.ts")).toContain('  name: "apiVersion",');
  expect(read("pagoda.yaml")).toContain("      apiVersion: { header: x-demo }");
  const files = globSync("**/*", { cwd: folder }).join("\n");
  expect(files).toContain("test/api-version.test.ts");
  expect(files).not.toContain("__");
});

test("leaves pagoda out of the name of the policy", () => {
  generatePolicy(folder, "@acme/pagoda-idempotency");
  const read = (file: string): string => readFileSync(join(folder, file), "utf8");
  expect(read("package.json")).toContain('"name": "@acme/pagoda-idempotency"');
  expect(read("src/policy.ts")).toContain('  name: "idempotency",');
  expect(read("src/idempotency.ts")).toContain("export interface IdempotencyMissing extends");
  expect(read("README.md")).toContain('plugins: ["@acme/pagoda-idempotency"]');
});
