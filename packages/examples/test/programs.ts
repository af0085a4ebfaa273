import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { onTestFinished, type TestContext } from "vitest";

/** External programs that tests use, and how to get them. */
const installation = {
  bun: "npm install --global bun@1.4.5",
  deno: "npm install --global deno@2.9.6",
  "redis-server": "apt-get install redis-server",
  workerd: "npm install --global workerd@1.20261117.1",
} as const;

export type Program = keyof typeof installation;

/** The path of a program on the PATH; `undefined` if it is missing. */
export function find(program: Program): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable);
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

/** Starts a program, which does not outlive its test. */
export function start(program: Program, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(find(program) as string, args, options);
  const ended = new Promise((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return child;
}
