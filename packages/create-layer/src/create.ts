import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { folderOf, nameProblem } from "./template.ts";

/** A program that creates a package in the current folder. */
export interface Creator {
  /** `create-layer`. */
  readonly program: string;
  readonly version: string;
  readonly usage: string;
  /** Its own options; all are flags. */
  readonly flags: readonly string[];
  generate(directory: string, name: string, flags: ReadonlySet<string>): void;
}

export interface Created {
  /** Exit code: 2 for wrong arguments, with which nothing is created. */
  readonly code: 0 | 2;
  readonly text: string;
}

/** Creates what the arguments ask for. */
export function create(creator: Creator, args: readonly string[], cwd: string): Created {
  const options: ParseArgsOptionsConfig = Object.fromEntries(
    ["help", "version", ...creator.flags].map((name) => [name, { type: "boolean" }]),
  );
  try {
    const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (values["version"]) return { code: 0, text: creator.version };
    if (values["help"]) return { code: 0, text: creator.usage };
    const [name = "", another] = positionals;
    const folder = folderOf(name);
    const problem =
      nameProblem(name) ??
      (another === undefined ? undefined : `expected one name (got "${another}", too)`) ??
      (existsSync(join(cwd, folder)) ? `${folder} already exists` : undefined);
    if (problem !== undefined) return refusal(creator, problem);
    creator.generate(join(cwd, folder), name, new Set(Object.keys(values)));
    return { code: 0, text: `Created ${folder}. Next: cd ${folder} && npm install && npm test` };
  } catch (error) {
    return refusal(creator, (error as Error).message);
  }
}

function refusal({ program, usage }: Creator, why: string): Created {
  return { code: 2, text: `${program}: ${why}\n${usage}` };
}
