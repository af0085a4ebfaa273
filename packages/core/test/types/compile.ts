import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

/** Programs as text by file name; each is a module that may import `./layers.ts`. */
export type Sources = Readonly<Record<string, string>>;

/** A compiler message and the source line that it refers to. */
export interface Complaint {
  readonly line: string;
  readonly message: string;
}

export interface Compiled {
  /** By file name, without `.ts`. */
  readonly complaints: Readonly<Record<string, readonly Complaint[]>>;
  /** Type instantiations as counted by `--extendedDiagnostics`. */
  readonly instantiations: number;
  /** Text of the inferred declarations, by file name. */
  readonly declarations: Readonly<Record<string, string>>;
}

/**
 * The compilers that users have, by the package that holds them: this code base's own, and the one
 * before its rewrite.
 */
export const compilers = ["typescript", "typescript-5.9"] as const;
export type Compiler = (typeof compilers)[number];

const { resolve } = createRequire(import.meta.url);
const tscOf = (compiler: Compiler): string => join(dirname(resolve(`${compiler}/package.json`)), "bin/tsc");
/** Inside the package, so that `@pagoda/core` resolves, and where no other tool looks. */
const core = join(import.meta.dirname, "../..");
const scratch = join(core, "node_modules/.types-test");
const layers = readFileSync(join(import.meta.dirname, "layers.ts"), "utf8");

/** Compiles with the options of the whole repository. */
export function compile(program: string, sources: Sources, compiler: Compiler = "typescript"): Compiled {
  mkdirSync(scratch, { recursive: true });
  // A separate folder, since tests of the same checkout may run at the same time.
  const folder = mkdtempSync(join(scratch, `${program}-`));
  try {
    return compileIn(folder, sources, compiler);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compileIn(folder: string, sources: Sources, compiler: Compiler): Compiled {
  const files: Sources = { ...sources, layers };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.ts`), text);
  const config = {
    extends: "../../../../../tsconfig.base.json",
    compilerOptions: {
      declaration: true,
      rootDir: core,
      outDir: "out",
      noErrorTruncation: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    files: Object.keys(files).map((name) => `${name}.ts`),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const { stdout } = spawnSync(
    process.execPath,
    [tscOf(compiler), "-p", folder, "--pretty", "false", "--extendedDiagnostics"],
    { cwd: folder, encoding: "utf8" },
  );
  const instantiations = Number(/^Instantiations:\s+(\d+)/mu.exec(stdout)?.[1]);
  // An error about the whole program stops the compiler before it has checked the types.
  if (Number.isNaN(instantiations) || /^(?:tsconfig\.json\S*|error) /mu.test(stdout))
    throw new Error(`the compiler did not check:\n${stdout}`);
  const emitted = join(folder, "out", relative(core, folder));
  return {
    complaints: complaintsOf(stdout, files),
    instantiations,
    declarations: Object.fromEntries(
      Object.keys(sources).map((name) => [name, readFileSync(join(emitted, `${name}.d.ts`), "utf8")]),
    ),
  };
}

function complaintsOf(stdout: string, files: Sources): Record<string, Complaint[]> {
  const complaints = Object.fromEntries(Object.keys(files).map((name): [string, Complaint[]] => [name, []]));
  // A message continues on the indented lines.
  for (const [, file = "", line, message = ""] of stdout.matchAll(
    /^(\S+)\.ts\((\d+),\d+\): error TS\d+: (.*(?:\n {2,}.*)*)/gmu,
  )) {
    const name = file.slice(file.lastIndexOf("/") + 1);
    const text = files[name]?.split("\n")[Number(line) - 1]?.trim() ?? "";
    (complaints[name] ??= []).push({ line: text, message });
  }
  return complaints;
}
