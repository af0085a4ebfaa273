import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { createClient } from "@redis/client";
import { onTestFinished, type TestContext } from "vitest";

const program = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "redis-server"))
  .find(isExecutable);

/** Skips a test if Redis is missing; .ci/run treats that as a failure. */
export function skipWithoutRedis(skip: TestContext["skip"]): void {
  skip(program === undefined, "needs redis-server: apt-get install redis-server");
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A running Redis. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Makes it silent, and lets it continue. */
  pause(): void;
  resume(): void;
  /** Kills it. Its data are lost. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
  isRunning(): boolean;
  /** Of a cluster. */
  busPort(): Promise<number>;
  /** Runs a command. */
  command(...args: string[]): Promise<unknown>;
}

/** What a program that is not an ordinary server needs. */
export interface Special {
  /** Its configuration, which it rewrites. */
  readonly file: string;
  /** The line that it prints when it is ready. */
  readonly readyLine: RegExp;
}

/** Starts Redis on a free port of loopback for one test. It keeps no data on disk. */
export async function startRedis(...args: readonly (string | Special)[]): Promise<RedisServer> {
  const options = args.filter((arg) => typeof arg === "string");
  const special = args.find((arg) => typeof arg !== "string");
  const folder = mkdtempSync(join(tmpdir(), "pagoda-redis-"));
  let port = 0;
  let child: ChildProcess | undefined;
  // Another program may take a free port first.
  while (child === undefined) {
    port = await freePort();
    child = await launch(folder, special, ["--port", String(port), ...options]);
  }
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  };
  onTestFinished(async () => {
    await kill();
    rmSync(folder, { recursive: true });
  });
  const isRunning = (): boolean => child?.exitCode === null && child.signalCode === null;
  const command = async (...words: string[]): Promise<unknown> => {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  };
  return {
    port,
    isRunning,
    async busPort() {
      const reply = await command("CONFIG", "GET", "cluster-port");
      return Number(Object.values(reply as object)[0]);
    },
    command,
    url: `redis://127.0.0.1:${port}`,
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    kill,
    async restart() {
      await kill();
      child = await launch(folder, special, ["--port", String(port), ...options]);
    },
  };
}

/** @returns Undefined if it ended instead, for instance because its port is in use. */
async function launch(
  folder: string,
  { file, readyLine }: Partial<Special> = {},
  options: readonly string[] = [],
): Promise<ChildProcess | undefined> {
  const fixed = ["--bind", "127.0.0.1", "--dir", folder, ...(file === undefined ? ["--save", ""] : [])];
  const args = [...(file === undefined ? [] : [file]), ...fixed, ...options];
  const child = spawn(program as string, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout as Readable }))
    if ((readyLine ?? /ready to accept connections/i).test(line)) {
      child.stdout?.resume();
      return child;
    }
  return undefined;
}

/** Options as arguments. */
export function withOptions(options: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

let last = 4_000 + (process.pid % 5_000);

/**
 * A free port below the range that the system assigns from, so that nothing else gets it while its
 * server is away. In a cluster, the port 10,000 above it is used as well. No other test gets them as
 * long as this process runs.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = ++last;
    if (!(await claimed(port))) continue;
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
      throw error;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** Claims a TCP port by means of the UDP port of the same number, which no server here uses. It ends with this process. */
async function claimed(port: number): Promise<boolean> {
  const socket = createSocket("udp4").unref().bind(port, "127.0.0.1");
  try {
    await once(socket, "listening");
    return true;
  } catch {
    socket.close();
    return false;
  }
}
