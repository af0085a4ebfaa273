import { type ChildProcess, spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { readManifest, root } from "./workspace.ts";

export interface Finished {
  /** -1 if it could not start or was killed by a signal. */
  readonly code: number;
  /** Both output streams. */
  readonly output: string;
}

export interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Print the output live instead of collecting it. */
  readonly live?: boolean;
}

/** A time limit for programs that take a second, in ms: it ends one that hangs, and none on a busy machine. */
export const hangMs = 300_000;

const bin = join(root, "node_modules", ".bin");

/** A program and its children form a process group, so that none of them outlives a signal or the time limit. */
const hasGroups = process.platform !== "win32";
const running = new Set<ChildProcess>();

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Starts a `detached` child that ends when this process is ended by a signal. While none runs, signals are the program's
 * own.
 */
export function track<C extends ChildProcess>(start: () => C): C {
  // Before the start, so that a signal in between does not leave the child behind.
  if (running.size === 0) for (const signal of signals) process.on(signal, endAll);
  const child = start();
  running.add(child);
  const forget = (): void => {
    running.delete(child);
    if (running.size === 0) ignoreSignals();
  };
  return child.once("error", forget).once("close", forget);
}

function endAll(signal: NodeJS.Signals): void {
  ignoreSignals();
  // Not the signal itself, because background jobs of a shell ignore SIGINT.
  for (const child of running) kill(child, "SIGTERM");
  process.kill(process.pid, signal);
}

function ignoreSignals(): void {
  for (const signal of signals) process.off(signal, endAll);
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (hasGroups && child.pid !== undefined) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // The group has ended.
  }
}

/** Runs a program to its end. Never rejects: a program that cannot start is a failed check like any other. */
export function command(program: string, args: readonly string[], options: Options = {}): Promise<Finished> {
  return new Promise((resolve) => {
    const child = track(() =>
      spawn(program, args, {
        cwd: options.cwd ?? root,
        stdio: ["ignore", options.live ? "inherit" : "pipe", options.live ? "inherit" : "pipe"],
        env: { ...process.env, ...options.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` },
        detached: hasGroups,
      }),
    );
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
      const ended =
        signal === null ? "" : `\n${program} was killed by ${signal}${limitText(options.timeoutMs)}`;
      resolve({ code: code ?? -1, output: (output + ended).trim() });
    });
  });
}

function limitText(timeoutMs: number | undefined): string {
  return timeoutMs === undefined ? "" : ` (time limit: ${timeoutMs / 1000} s)`;
}

/** Runs the pinned pnpm by way of npx, so that it need not be installed. */
export function pnpm(args: readonly string[], options: Options = {}): Promise<Finished> {
  const { packageManager } = readManifest(root) as { packageManager: string };
  // It records its last update check; keep that in the clone, not in the home folder.
  const state = join(root, "node_modules", ".cache", "state");
  return command("npx", ["--yes", packageManager, ...args], {
    ...options,
    env: { ...options.env, XDG_STATE_HOME: state, npm_config_update_notifier: "false" },
  });
}

/** Runs `work` over `items`, `width` at a time, and returns the results in order. */
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
