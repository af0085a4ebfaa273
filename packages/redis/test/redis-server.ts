import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { AddressInfo } from "node:net";
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
  /** Runs a command. */
  command(...args: string[]): Promise<unknown>;
}

/** Starts Redis on a free port of loopback for one test. It keeps nothing on disk. */
export async function startRedis(...options: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-redis-"));
  let port = 0;
  let child: ChildProcess | undefined;
  // Another program may take a free port first.
  while (child === undefined) {
    port = await freePort();
    child = await launch(folder, ["--port", String(port), ...options]);
  }
  const kill = async (): Promise<void> => {
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  };
  onTestFinished(async () => {
    await kill();
    rmSync(folder, { recursive: true });
  });
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    kill,
    async restart() {
      await kill();
      child = await launch(folder, ["--port", String(port), ...options]);
    },
    async command(...args) {
      const client = createClient({ url: `redis://127.0.0.1:${port}` });
      await client.connect();
      try {
        return await client.sendCommand(args);
      } finally {
        client.destroy();
      }
    },
  };
}

/** @returns Undefined if it ended instead, for instance because its port is in use. */
async function launch(folder: string, options: readonly string[]): Promise<ChildProcess | undefined> {
  const args = ["--bind", "127.0.0.1", "--save", "", "--dir", folder, ...options];
  const child = spawn(program as string, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout as Readable }))
    if (/ready to accept connections/i.test(line)) {
      child.stdout?.resume();
      return child;
    }
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
