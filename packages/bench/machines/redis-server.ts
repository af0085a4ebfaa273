import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { freePort } from "../proxy/program.ts";

export interface RunningRedis {
  readonly url: string;
  readonly pid: number;
  end(): Promise<void>;
}

/** Starts a Redis that keeps nothing on disk. */
export async function startRedis(): Promise<RunningRedis> {
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    if (!/ready to accept connections/i.test(line)) continue;
    child.stdout.resume();
    return {
      url: `redis://127.0.0.1:${port}`,
      pid: child.pid as number,
      async end() {
        child.kill("SIGKILL");
        await ended;
      },
    };
  }
  throw new Error("redis-server ended");
}
