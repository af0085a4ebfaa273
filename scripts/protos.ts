// npm run protos: generates the code for the protobuf messages of @pagoda/xds, with protoc (Debian: protobuf-compiler).
import { globSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";
import { root } from "./workspace.ts";

const folder = join(root, "packages/layers/xds");
const target = process.argv[2] ?? join(folder, "src/generated");

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const generated = await command(
  "protoc",
  [
    `--plugin=${join(folder, "node_modules/.bin/protoc-gen-es")}`,
    "--proto_path=proto",
    `--es_out=${target}`,
    "--es_opt=target=ts,import_extension=ts",
    ...globSync("*.proto", { cwd: join(folder, "proto") }),
  ],
  { cwd: folder },
);
const formatted = generated.code === 0 ? await command("oxfmt", ["--write", target]) : generated;
if (formatted.code !== 0) {
  console.error(`protos: ${formatted.output}`);
  process.exitCode = 1;
}
