import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

/** One round of one proxy. */
export interface Sample {
  readonly userUs: number;
  readonly kernelUs: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export const connections = 64;
/** The proxy has this core for itself; load and origin share the other. */
export const proxyCore = "0";
export const loadCore = "1";

const folders = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];
export const needed = ["nginx", "wrk", "taskset"].map((program) => ({
  program,
  found: folders.some((folder) => existsSync(`${folder}/${program}`)),
}));

/** CPU time that a process and all its descendants have used, as the system counts it, in steps of 10 ms. */
export function processCpu(pid: number): { readonly userMs: number; readonly kernelMs: number } {
  const ticks = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const own = { userMs: Number(ticks[11]) * 10, kernelMs: Number(ticks[12]) * 10 };
  return childrenOf(pid)
    .map(processCpu)
    .reduce(
      (sum, child) => ({ userMs: sum.userMs + child.userMs, kernelMs: sum.kernelMs + child.kernelMs }),
      own,
    );
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}

/** Loads a proxy with as many keep-alive connections, one request after the other on each. */
export async function load(url: string, seconds: number) {
  const options = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", url];
  const { stdout } = await run("taskset", ["-c", loadCore, "wrk", ...options]);
  const failed = /Non-2xx.*|Socket errors.*/.exec(stdout);
  if (failed) throw new Error(`${url}: ${failed[0]}`);
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    seconds,
    p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
    p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
  };
}

function milliseconds(text = ""): number {
  const value = Number.parseFloat(text);
  return text.endsWith("us") ? value / 1_000 : text.endsWith("ms") ? value : value * 1_000;
}

/** Asks until there is an answer: a proxy that has just been started may not listen yet. */
export async function untilServing(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      const response = await fetch(url);
      await response.arrayBuffer();
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} gave no answer within 10 s`);
}
