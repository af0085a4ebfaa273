// npm run protos: generates the code for the protobuf messages of @pagoda/xds and @pagoda/ext-authz, with protoc (Debian:
// protobuf-compiler).
import { globSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";
import { root } from "./workspace.ts";

/** `node scripts/protos.ts PACKAGE TARGET` generates the code of one package somewhere else. */
const [only, elsewhere] = process.argv.slice(2);

for (const name of only === undefined ? ["xds", "ext-authz"] : [only]) {
  const folder = join(root, "packages/layers", name);
  const output = await generated(folder, elsewhere ?? join(folder, "src/generated"));
  if (output === undefined) continue;
  console.error(`protos: ${output}`);
  process.exitCode = 1;
}

/** Returns what is wrong. */
async function generated(folder: string, target: string): Promise<string | undefined> {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const args = [
    `--plugin=${join(folder, "node_modules/.bin/protoc-gen-es")}`,
    "--proto_path=proto",
    `--es_out=${target}`,
    "--es_opt=target=ts,import_extension=ts",
    ...globSync("*.proto", { cwd: join(folder, "proto") }),
  ];
  const made = await command("protoc", args, { cwd: folder });
  const last = made.code === 0 ? await command("oxfmt", ["--write", target]) : made;
  return last.code === 0 ? undefined : last.output;
}
