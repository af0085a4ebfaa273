import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { readManifest, root } from "./workspace.ts";

export interface Finished {
  /** -1 when it could not start or was ended by a signal. */
  readonly code: number;
  /** What it said on both streams. */
  readonly output: string;
}

export interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Shown as it comes instead of collected. */
  readonly live?: boolean;
}

const bin = join(root, "node_modules", ".bin");

/** Runs a program to its end; never throws, since a program that cannot start is a failed check like any other. */
export function command(program: string, args: readonly string[], options: Options = {}): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      stdio: ["ignore", options.live ? "inherit" : "pipe", options.live ? "inherit" : "pipe"],
      env: { ...process.env, ...options.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` },
      ...(options.timeoutMs === undefined
        ? {}
        : { timeout: options.timeoutMs, killSignal: "SIGKILL" as const }),
    });
    let output = "";
    const collect = (chunk: string): void => void (output += chunk);
    child.stdout?.setEncoding("utf8").on("data", collect);
    child.stderr?.setEncoding("utf8").on("data", collect);
    child.on("error", (error) => resolve({ code: -1, output: `${program}: ${error.message}` }));
    child.on("close", (code, signal) => {
      const ended = signal === null ? "" : `\n${program} was ended by ${signal}${why(options.timeoutMs)}`;
      resolve({ code: code ?? -1, output: (output + ended).trim() });
    });
  });
}

function why(timeoutMs: number | undefined): string {
  return timeoutMs === undefined ? "" : ` (it has ${timeoutMs / 1000} s)`;
}

/** The pinned pnpm, which need not be installed: npx brings it. */
export function pnpm(args: readonly string[], options: Options = {}): Promise<Finished> {
  const { packageManager } = readManifest(root) as { packageManager: string };
  // Its note of the last look for a newer version belongs in the clone, not in the home folder.
  const state = join(root, "node_modules", ".cache", "state");
  return command("npx", ["--yes", packageManager, ...args], {
    ...options,
    env: { ...options.env, XDG_STATE_HOME: state, npm_config_update_notifier: "false" },
  });
}

/** Runs `work` over `items`, `width` at a time, results in the order of the items. */
export async function pooled<A, B>(
  items: readonly A[],
  width: number,
  work: (item: A) => Promise<B>,
): Promise<B[]> {
  const results: B[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
