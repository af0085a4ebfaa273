// What a request costs in numbers that depend neither on the machine nor on what else runs there.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { processTree } from "../proxy/cpu.ts";
import type { Target } from "../proxy/load/client.ts";
import { Generator } from "../proxy/load/generator.ts";
import { probe } from "../proxy/load/probe.ts";
import { type Configuration, pagoda } from "../proxy/peers/pagoda.ts";
import type { Topology } from "../proxy/peers/peer.ts";
import { freePort, type Running, start } from "../proxy/program.ts";
import { requestOf, smallBytes, type Workload, workloads } from "../proxy/workloads.ts";
import type { Counts } from "./counting.ts";

/** For each request, one after the other on one connection. */
interface Bounds {
  readonly workload: string;
  readonly configuration: Configuration;
  /** Exact. One of each with the client and with the origin is the least. */
  readonly reads: number;
  readonly writes: number;
  /** At most. */
  readonly promises: number;
  /** At most, with a margin of 5%. KiB of V8's heap in code that is not optimized. */
  readonly allocatedKiB: number;
}

const bounds: readonly Bounds[] = [
  { workload: "small-get", configuration: "plain", reads: 2, writes: 2, promises: 10, allocatedKiB: 16.2 },
  { workload: "small-get", configuration: "mesh", reads: 2, writes: 2, promises: 13, allocatedKiB: 19.4 },
  { workload: "h2-front", configuration: "plain", reads: 2, writes: 2, promises: 10, allocatedKiB: 16.7 },
  { workload: "h2c-origin", configuration: "plain", reads: 2, writes: 2, promises: 10, allocatedKiB: 19.7 },
];

const margin = 1.05;
const requests = 300;
const repository = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pagoda-counts-"));
const origins: Record<Topology["back"], Server[]> = { http1: [], http2: [] };

beforeAll(async () => {
  const body = "x".repeat(smallBytes);
  const response = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${smallBytes}\r\n\r\n${body}`;
  for (let i = 0; i < 4; i++) {
    origins.http1.push(
      createServer({ noDelay: true }, (socket) => {
        socket.on("data", () => socket.write(response));
        // The program resets its connections when it ends.
        socket.on("error", () => {});
      }),
    );
    const http2 = createHttp2Server();
    http2.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-type": "text/plain" });
      stream.end(body);
    });
    origins.http2.push(http2);
  }
  for (const server of Object.values(origins).flat()) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
});

afterAll(() => {
  for (const server of Object.values(origins).flat()) server.close();
  rmSync(folder, { recursive: true });
});

describe("a request through the proxy", () => {
  test.for(bounds)("$workload, $configuration", async ({ workload, configuration, ...most }, { skip }) => {
    skip(process.platform !== "linux", "impossible here: the worker is found in /proc");
    const of = workloads.find(({ name }) => name === workload) as Workload;
    const { running, target } = await program(of, configuration);
    try {
      const { reads, writes, promises, allocated } = await countsOf(running, target);
      expect.soft({ reads, writes }).toEqual({ reads: most.reads, writes: most.writes });
      expect.soft(promises).toBeLessThanOrEqual(most.promises);
      expect.soft(allocated / 1_024).toBeLessThanOrEqual(most.allocatedKiB * margin);
    } finally {
      await running.stop();
    }
  });
});

/** The real program, in which {@link Counts} are made. */
async function program(workload: Workload, configuration: Configuration) {
  const { front, back, isGrpc, responseBytes } = workload;
  const port = await freePort();
  const target: Target = {
    host: "127.0.0.1",
    port,
    tls: false,
    protocol: front === "http2" ? "http2" : "http1",
    request: requestOf(workload, configuration === "mesh"),
    responseBytes,
  };
  const command = pagoda(repository, configuration, { name: "pagoda", label: "pagoda" }).command({
    front,
    back,
    isGrpc,
    folder,
    port,
    adminPort: await freePort(),
    origins: origins[back].map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`) as [string],
    certificate: { certificate: "", key: "", combined: "" },
  });
  const env = {
    NODE_OPTIONS: `--import=${new URL("counting.ts", import.meta.url).href}`,
    COUNTING_FOLDER: folder,
  };
  return { running: await start({ command, env, isReady: () => probe(target) }), target };
}

/** Per request. Rounded, since the program also does something at intervals. */
async function countsOf({ pid }: Running, target: Target): Promise<Counts> {
  const worker = processTree(pid).at(-1);
  const read = async (): Promise<Counts> =>
    JSON.parse(await text(connect(join(folder, `${worker}.sock`)))) as Counts;
  const generator = await Generator.open(target, 1, 1);
  const run = async (): Promise<void> => {
    for (let i = 0; i < requests; i++) await generator.closed(0);
  };
  // Feedback of the first calls is allocated, too.
  await run();
  await read();
  await run();
  const { reads, writes, promises, allocated } = await read();
  generator.close();
  return {
    reads: Math.round(reads / requests),
    writes: Math.round(writes / requests),
    promises: Math.round(promises / requests),
    allocated: allocated / requests,
  };
}
