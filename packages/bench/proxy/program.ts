import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { processTree } from "./cpu.ts";
import { searchPath } from "./machine.ts";

const startMs = 10_000;
const stopMs = 5_000;

/** A program to start on a core of its own. */
export interface Program {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly core: string;
  /** Answers 200 once the program can take requests. */
  readonly readyUrl: string;
}

/** One that runs and is ready. */
export interface Running {
  readonly pid: number;
  /** Asks it to end, waits, and ends it where it does not; its children too. */
  stop(): Promise<void>;
}

/**
 * Starts a program and waits until it is ready.
 *
 * @throws With the last line that it said, when it ends before it is ready or is not ready within 10 s.
 */
export async function start({ command, env, core, readyUrl }: Program): Promise<Running> {
  const child = spawn("taskset", ["-c", core, ...command], {
    env: { ...process.env, ...env, PATH: searchPath },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
  // Without a listener it would end this program; that there is no process is seen below.
  child.on("error", (error) => (said = error.message));
  try {
    await untilReady(child, readyUrl);
  } catch (error) {
    await stop(child);
    throw new Error(telling(said) ?? (error as Error).message, { cause: error });
  }
  return { pid: child.pid as number, stop: () => stop(child) };
}

/** A port on the loopback address that nobody listens on. */
export async function freePort(): Promise<number> {
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

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  const deadline = Date.now() + startMs;
  while (Date.now() < deadline) {
    if (child.pid === undefined || isOver(child)) throw new Error("it ended before it was ready");
    if (await answers(url)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} did not answer 200 within ${startMs / 1_000} s`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    // Not listening yet.
    return false;
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

/** Of what a program said at its end, the line that says why: Node prints a stack and its version after it. */
function telling(said: string): string | undefined {
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  return lines.find((line) => /error|emerg|cannot/i.test(line))?.trim() ?? lines.at(-1)?.trim();
}
