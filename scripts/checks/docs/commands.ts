import { readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** npm scripts in a document that package.json does not define. */
export function unknownCommands(base: string, document: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(base, "package.json"), "utf8")) as {
    readonly scripts?: Readonly<Record<string, string>>;
  };
  const lines = readFileSync(document, "utf8").split("\n");
  return lines.flatMap((line, index) =>
    [...line.matchAll(/\bnpm run ([\w:-]+)/gu)].flatMap(([command, name = ""]) =>
      scripts?.[name] === undefined
        ? [`${relative(base, document)}:${index + 1}: ${command}: no such script`]
        : [],
    ),
  );
}
