import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "oxc-parser";
import type { Package } from "../../workspace.ts";

/** Deviations of the folder of a layer, or of the client, from the common shape. */
export function shapeFaults({ directory, folder }: Package): string[] {
  const missing = ["README.md", "src/index.ts", "test"].filter((path) => !existsSync(join(directory, path)));
  const untested =
    !missing.includes("test") && globSync("**/*.test.ts", { cwd: join(directory, "test") }).length === 0;
  return [
    ...missing.map((path) => `${folder}/${path}: missing; every layer has it`),
    ...(untested ? [`${folder}/test: has no *.test.ts`] : []),
    ...(missing.includes("src/index.ts") ? [] : indexFaults(directory, folder)),
  ];
}

/** An index only re-exports: the parts are in files named for them. */
function indexFaults(directory: string, folder: string): string[] {
  const text = readFileSync(join(directory, "src/index.ts"), "utf8");
  const { program } = parseSync("index.ts", text);
  return program.body
    .filter(
      (statement) =>
        !("source" in statement && statement.source !== null && statement.type.startsWith("Export")),
    )
    .map((statement) => {
      const line = text.slice(0, statement.start).split("\n").length;
      return `${folder}/src/index.ts:${line}: only re-exports belong here`;
    });
}
