import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll } from "vitest";

/** Programs that tests use beside Node, and how one gets them. */
const packages = {
  chromium: "chromium",
  curl: "curl",
  openssl: "openssl",
  script: "bsdutils",
  "systemd-analyze": "systemd",
} as const;

export type Tool = keyof typeof packages;

/** Where a program lies; fails, saying how to get it, where there is none. */
export function need(tool: Tool): string {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, tool);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // The next one may have it.
    }
  }
  throw new Error(`this test needs ${tool}, which is not on the PATH: apt-get install ${packages[tool]}`);
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
  /** Told of output as it comes, so that the test can go on while the program runs. */
  readonly heard?: (output: string) => void;
}

/** Runs a program to its end. */
export function execute(tool: Tool | "sh", args: readonly string[], options: Execution = {}): Promise<Ran> {
  const child = adopt(spawn(tool === "sh" ? tool : need(tool), args, { cwd: options.cwd }));
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
