import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
/** Inside the package, so that the layers are found, and where nothing else looks. */
const scratch = join(import.meta.dirname, "../node_modules/.types-test");

export interface Compiled {
  /** What the compiler says, each with the line of the source that it says it of. */
  readonly complaints: readonly string[];
  /** What `--extendedDiagnostics` counts as instantiations of types. */
  readonly instantiations: number;
}

/** Compiles a program with the options of the whole code base. */
export function compile(text: string): Compiled {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, "program-"));
  try {
    writeFileSync(join(folder, "program.ts"), text);
    const compilerOptions = { noEmit: true, noErrorTruncation: true, noUnusedLocals: false };
    const config = { extends: "../../../../../tsconfig.base.json", compilerOptions, files: ["program.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const flags = ["--pretty", "false", "--extendedDiagnostics"];
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder, ...flags], {
      cwd: folder,
      encoding: "utf8",
    });
    const instantiations = Number(/^Instantiations:\s+(\d+)/mu.exec(stdout)?.[1]);
    if (Number.isNaN(instantiations)) throw new Error(`the compiler did not check:\n${stdout}`);
    // A message continues on the indented lines.
    const found = stdout.matchAll(/^program\.ts\((\d+),\d+\): error TS\d+: (.*(?:\n {2,}.*)*)/gmu);
    const lines = text.split("\n");
    const complaints = [...found].map(
      ([, line, message = ""]) => `${lines[Number(line) - 1]?.trim()} => ${message}`,
    );
    return { complaints, instantiations };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
