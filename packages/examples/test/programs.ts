import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, globSync } from "node:fs";
import { delimiter, join } from "node:path";
import { onTestFinished, type TestContext } from "vitest";

/** External programs that tests use, and how to get them. */
const installation = {
  bun: "npm install --global bun@1.4.5",
  deno: "npm install --global deno@2.9.6",
  postgres: "apt-get install postgresql",
  "redis-server": "apt-get install redis-server",
  workerd: "npm install --global workerd@1.20261117.1",
} as const;

export type Program = keyof typeof installation;

/** The path of a program; `undefined` if it is missing. */
export function find(program: Program): string | undefined {
  // Debian keeps PostgreSQL's programs off the PATH.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...globSync("/usr/lib/postgresql/*/bin")];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

/** Skips a test if a program is missing; .ci/run treats that as a failure. */
export function skipWithout(skip: TestContext["skip"], program: Program): void {
  skip(find(program) === undefined, `needs ${program}: ${installation[program]}`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A running program. */
export interface Launched {
  readonly child: ChildProcess;
  /** Kills it and waits for its end. */
  end(): Promise<void>;
}

/** Starts a program, for a whole file. */
export function launch(program: Program, args: readonly string[], options: SpawnOptions): Launched {
  const child = spawn(find(program) as string, args, options);
  const ended = once(child, "close");
  return {
    child,
    async end() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Starts a program, which does not outlive its test. */
export function start(program: Program, args: readonly string[], options: SpawnOptions): ChildProcess {
  const { child, end } = launch(program, args, options);
  onTestFinished(end);
  return child;
}
