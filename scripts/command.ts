import { type ChildProcess, spawn } from "node:child_process";
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

/** A program is a group with what it starts, so that nothing of it outlives a signal or its time. */
const hasGroups = process.platform !== "win32";
const running = new Set<ChildProcess>();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    // Not the signal itself: what a shell has put in the background ignores SIGINT.
    for (const child of running) kill(child, "SIGTERM");
    process.kill(process.pid, signal);
  });
}

/** Ends a child that was started `detached` with this process, at the latest. */
export function track<C extends ChildProcess>(child: C): C {
  running.add(child);
  child.once("error", () => running.delete(child));
  child.once("close", () => running.delete(child));
  return child;
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (hasGroups && child.pid !== undefined) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // All of it has ended.
  }
}

/** Runs a program to its end; never throws, since a program that cannot start is a failed check like any other. */
export function command(program: string, args: readonly string[], options: Options = {}): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      stdio: ["ignore", options.live ? "inherit" : "pipe", options.live ? "inherit" : "pipe"],
      env: { ...process.env, ...options.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` },
      detached: hasGroups,
    });
    track(child);
    const { timeoutMs } = options;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => kill(child, "SIGKILL"), timeoutMs);
    let output = "";
    const collect = (chunk: string): void => void (output += chunk);
    child.stdout?.setEncoding("utf8").on("data", collect);
    child.stderr?.setEncoding("utf8").on("data", collect);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: -1, output: `${program}: ${error.message}` });
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
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
