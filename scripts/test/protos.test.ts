import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { root } from "../workspace.ts";

function codeIn(folder: string): ReadonlyMap<string, string> {
  return new Map(
    globSync("*.ts", { cwd: folder }).map((file) => [file, readFileSync(join(folder, file), "utf8")]),
  );
}

test.for(["xds", "ext-authz"])("the generated code of @pagoda/%s is that of its protos", (name, { skip }) => {
  const isMissing = spawnSync("protoc", ["--version"]).error !== undefined;
  skip(isMissing, "needs protoc: apt-get install protobuf-compiler");
  const folder = mkdtempSync(join(tmpdir(), "protos-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts/protos.ts"), name, folder], {
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
  expect(codeIn(folder)).toEqual(codeIn(join(root, "packages/layers", name, "src/generated")));
});
