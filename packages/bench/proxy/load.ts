import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { searchPath } from "./machine.ts";

const run = promisify(execFile);

/** How many clients there are at once, each with one connection that it keeps. */
export const connections = 64;

/** What the clients saw. */
export interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Loads a server for so many seconds: each client sends a request as soon as it has the response to the one before.
 *
 * @throws When a request failed, or none was answered: what is quick at failing is not to look quick.
 */
export async function load(url: string, seconds: number, core: string): Promise<Load> {
  const wrk = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", url];
  const { stdout } = await run("taskset", ["-c", core, ...wrk], {
    env: { ...process.env, PATH: searchPath },
    timeout: (seconds + 15) * 1_000,
    killSignal: "SIGKILL",
  });
  return readLoad(stdout);
}

/** Reads what wrk prints. */
export function readLoad(output: string): Load {
  const failed = /Non-2xx.*|Socket errors.*/.exec(output);
  if (failed) throw new Error(failed[0]);
  const read = {
    requests: Number(/(\d+) requests in/.exec(output)?.[1]),
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p50Ms: milliseconds(/50%\s+([\d.]+[a-z]+)/.exec(output)?.[1]),
    p99Ms: milliseconds(/99%\s+([\d.]+[a-z]+)/.exec(output)?.[1]),
  };
  if (!(read.requests > 0)) throw new Error("no request was answered");
  return read;
}

function milliseconds(text = ""): number {
  const unit: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };
  return Number.parseFloat(text) * (unit[text.replace(/^[\d.]+/, "")] ?? NaN);
}
