import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { processTree } from "./cpu.ts";
import { searchPath } from "./machine.ts";

const startMs = 15_000;
const stopMs = 5_000;
const askEveryMs = 5;

/** A program to start. */
export interface Program {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The only core that it may use. Default: all. */
  readonly core?: string;
  /** Rejects while the program cannot take requests. */
  readonly isReady: () => Promise<void>;
}

/** A program that runs and is ready. */
export interface Running {
  readonly pid: number;
  /** From the start of the process until it was ready. */
  readonly startedMs: number;
  /** Asks it to end, waits, and kills it after 5 s; its children too. */
  stop(): Promise<void>;
}

/**
 * Starts a program and waits until it is ready.
 *
 * @throws With the most informative line of its standard error, when it ends before it is ready or is not ready within
 *   15 s.
 */
export async function start({ command, env, core, isReady }: Program): Promise<Running> {
  const begun = performance.now();
  const [file = "", ...args] = core === undefined ? command : ["taskset", "-c", core, ...command];
  const child = spawn(file, args, {
    env: { ...process.env, ...env, PATH: searchPath },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
  // Without a listener it would end this program; that there is no process is seen below.
  child.on("error", (error) => (said = error.message));
  try {
    await untilReady(child, isReady);
  } catch (error) {
    const message = isOver(child) || child.pid === undefined ? telling(said) : undefined;
    await stop(child);
    throw new Error(message ?? (error as Error).message, { cause: error });
  }
  return { pid: child.pid as number, startedMs: performance.now() - begun, stop: () => stop(child) };
}

/** The system gives a port that is free again a second time, although its program has not started yet. */
const givenPorts = new Set<number>();

/** A port on the loopback address that nobody listens on, another one each time. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await unusedPort();
    if (givenPorts.has(port)) continue;
    givenPorts.add(port);
    return port;
  }
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function untilReady(child: ChildProcess, isReady: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + startMs;
  for (;;) {
    if (child.pid === undefined || isOver(child)) throw new Error("it ended before it was ready");
    try {
      return await isReady();
    } catch (error) {
      if (performance.now() > deadline) {
        throw new Error(`not ready after ${startMs / 1_000} s: ${(error as Error).message}`, {
          cause: error,
        });
      }
      await delay(askEveryMs);
    }
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || isOver(child)) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const late = setTimeout(() => {
    // A parent that is killed cannot take its children along.
    for (const pid of processTree(child.pid as number)) process.kill(pid, "SIGKILL");
  }, stopMs);
  await ended;
  clearTimeout(late);
}

function isOver({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** The line of a program's last output that gives the reason: Node prints a stack and its version after it. */
function telling(said: string): string | undefined {
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  return lines.find((line) => /error|emerg|cannot/i.test(line))?.trim() ?? lines.at(-1)?.trim();
}
