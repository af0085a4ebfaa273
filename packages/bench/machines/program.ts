// The proxy as a process, origins that are told apart by their answers, and a client of both.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { processTree } from "../proxy/cpu.ts";

const program = fileURLToPath(new URL("../../proxy/src/main.ts", import.meta.url));

export const workers = 2;

export interface RunningProxy extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  /** From when it has read its configuration until all workers listen. */
  readonly workersMs: number;
  /** Resident memory of the first worker, in KiB. */
  workerKib(): number;
}

/** The level of warnings. */
const warning = 40;

interface LogLine {
  readonly time: number;
  readonly level: number;
  readonly msg: string;
  readonly url?: string;
  readonly adminUrl?: string;
}

/** Starts the proxy with a route for each cluster, `/NAME`. */
export async function startProxy(
  clusters: Readonly<Record<string, object>>,
  more: object = {},
): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-machines-"));
  const file = join(folder, "pagoda.yaml");
  const routes = Object.keys(clusters).map((name) => ({ name, match: { path: `/${name}` }, cluster: name }));
  const listeners = [{ name: "main", address: "127.0.0.1:0", routes }];
  const admin = { address: "127.0.0.1:0" };
  writeFileSync(file, JSON.stringify({ workers, admin, listeners, clusters, ...more }));
  const child = spawn(process.execPath, [program, "run", "-c", file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const { promise: listening, resolve, reject } = Promise.withResolvers<LogLine>();
  let last = "";
  let startingMs = 0;
  createInterface({ input: child.stdout }).on("line", (text) => {
    last = text;
    const line = JSON.parse(text) as LogLine;
    if (line.msg === "starting") startingMs = line.time;
    if (line.msg.includes("listening on")) resolve(line);
    // Why a call failed, for instance because a worker was replaced.
    if (line.level >= warning) console.error(text);
  });
  void ended.then(() => reject(new Error(`pagoda ended: ${last}`)));
  const { time, url = "", adminUrl = "" } = await listening;
  const [, worker] = processTree(child.pid as number);
  return {
    url,
    adminUrl,
    workersMs: time - startingMs,
    workerKib: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${worker}/status`, "utf8"))?.[1]),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

/** The body of a response. */
export function body(url: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { ...(agent && { agent }) }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
  });
}

/** As many connections to the proxy, which the workers share. */
export function connections(count: number): readonly Agent[] & Disposable {
  const agents = Array.from({ length: count }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  return Object.assign(agents, {
    [Symbol.dispose]() {
      for (const agent of agents) agent.destroy();
    },
  });
}

/** Calls each URL on each connection until it gets this answer. */
export async function until(
  expected: string,
  urls: readonly string[],
  agents: readonly Agent[],
): Promise<void> {
  await Promise.all(
    agents.map(async (agent) => {
      for (const url of urls) while ((await body(url, agent)) !== expected);
    }),
  );
}

/** Listens on all addresses, so that each of 127.0.0.0/8 is an endpoint. */
export async function origin(name: string): Promise<{ readonly port: number } & Disposable> {
  const server = createServer((_, response) => response.end(name)).listen(0, "0.0.0.0");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
