import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeEach, type RunnerTestCase as Test, type TestContext, TestRunner } from "vitest";

/** Programs that tests use beside Node, and how one gets them. */
const packages = {
  chromium: "chromium",
  curl: "curl",
  openssl: "openssl",
  script: "bsdutils",
  "systemd-analyze": "systemd",
} as const;

export type Tool = keyof typeof packages;

/** Where a program lies, if it is on the PATH. */
export function find(tool: Tool): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, tool);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // The next one may have it.
    }
  }
  return undefined;
}

/** Skips the tests of a file, or of a `describe`, where one of these programs is missing. */
export function needs(...tools: readonly Tool[]): void {
  beforeEach(({ skip }) => skipWithout(skip, ...tools));
}

/** Skips a test where one of these programs is missing, saying how to get it; .ci/run takes that for a failure. */
export function skipWithout(skip: TestContext["skip"], ...tools: readonly Tool[]): void {
  for (const tool of tools) skip(find(tool) === undefined, wants(tool));
}

/** Where a program lies; where it does not, the test that asks is skipped. */
export function need(tool: Tool): string {
  const file = find(tool);
  if (file !== undefined) return file;
  TestRunner.getCurrentTest<Test | undefined>()?.context.skip(wants(tool));
  throw new Error(wants(tool));
}

function wants(tool: Tool): string {
  return `needs ${tool}: apt-get install ${packages[tool]}`;
}

const children = new Set<ChildProcess>();

/**
 * Ends a process with the file of tests that started it, at the latest: a test whose time is over never leaves its
 * scope, and would leave its processes behind.
 */
export function adopt<C extends ChildProcess>(child: C): C {
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
}

function endChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}

afterAll(endChildren);
process.once("exit", endChildren);

export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

interface Execution {
  readonly input?: Uint8Array | undefined;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Told of output as it comes, so that the test can go on while the program runs. */
  readonly heard?: (output: string) => void;
}

/** Runs a program to its end. */
export function execute(tool: Tool | "sh", args: readonly string[], options: Execution = {}): Promise<Ran> {
  const child = adopt(spawn(tool === "sh" ? tool : need(tool), args, { cwd: options.cwd, env: options.env }));
  const stdout: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout.push(chunk);
    options.heard?.(chunk.toString());
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // A program that has heard enough closes its end.
  child.stdin.on("error", () => {}).end(options.input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
}

/** curl, quiet but for errors, and unaware of what the person who runs the tests has configured for it. */
export function curl(args: readonly string[], options: Execution = {}): Promise<Ran> {
  return execute("curl", ["-q", "-sS", "--noproxy", "*", ...args], options);
}
