import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeEach, type RunnerTestCase as Test, type TestContext, TestRunner } from "vitest";

/** External programs that tests use, and how to get them. */
const packages = {
  chromium: "chromium",
  curl: "curl",
  openssl: "openssl",
  prometheus: "prometheus",
  promtool: "prometheus",
  "redis-cli": "redis-tools",
  "redis-server": "redis-server",
  script: "bsdutils",
  "systemd-analyze": "systemd",
  tinyproxy: "tinyproxy",
} as const;

export type Tool = keyof typeof packages;

/** The path of a program on the PATH. */
export function find(tool: Tool): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, tool);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Try the next directory.
    }
  }
  return undefined;
}

/** Skips the tests of a file or `describe` if one of these programs is missing. */
export function needs(...tools: readonly Tool[]): void {
  beforeEach(({ skip }) => skipWithout(skip, ...tools));
}

/**
 * Skips a test if one of these programs is missing, with a hint how to get it; .ci/run treats that
 * as a failure.
 */
export function skipWithout(skip: TestContext["skip"], ...tools: readonly Tool[]): void {
  for (const tool of tools) skip(find(tool) === undefined, wants(tool));
}

/** The path of a program; skips the calling test if it is missing. */
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
 * Ends a process with the test file that started it, at the latest: a test that timed out never
 * leaves its scope and would leak its processes.
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
  /** Called with output as it arrives, so that the test can react while the program runs. */
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
  // A program that has read enough closes its end.
  child.stdin.on("error", () => {}).end(options.input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
}

/** curl, silent except for errors, without the user's configuration. */
export function curl(args: readonly string[], options: Execution = {}): Promise<Ran> {
  return execute("curl", ["-q", "-sS", "--noproxy", "*", ...args], options);
}
