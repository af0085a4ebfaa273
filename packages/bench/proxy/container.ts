// Memory and CPU of the executable in a container, for the resources of the Kubernetes manifests and the compose file. Needs Linux
// and root, for a control group.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { rootCertificates } from "node:tls";
import { fileURLToPath } from "node:url";
import { cpuTime } from "./cpu.ts";
import { Generator } from "./load/generator.ts";
import { MemoryGroup } from "./memory-group.ts";
import { medianOf } from "./statistics.ts";

const loadMs = 10_000;
const concurrency = 128;
/** Each asks for more than the sockets and the proxy buffer for one, and does not read it. */
const stalled = 400;
const large = Buffer.alloc(16 * 1_024 ** 2, "x");
const rounds = 3;

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pagoda-container-"));
const executable = join(folder, "pagoda");
execFileSync(process.execPath, [join(root, "scripts/binary.ts")], { stdio: ["ignore", "ignore", "inherit"] });
copyFileSync(join(root, "dist/pagoda"), executable);
writeFileSync(join(folder, "token"), "token");
writeFileSync(join(folder, "ca.pem"), rootCertificates[0] as string);
const origin = createServer((request, response) => response.end(request.url === "/large" ? large : "yes"));
origin.listen(0, "127.0.0.1");
await once(origin, "listening");

console.log(
  "| workers | started, MiB | with a probe | under load | anonymous | with slow readers | CPU of a probe, ms | of a request, µs |\n|---:|---:|---:|---:|---:|---:|---:|---:|",
);
for (const workers of [1, 2, 4]) {
  const runs: (readonly number[])[] = [];
  for (let round = 0; round < rounds; round++) runs.push(await measured(workers));
  const columns = (runs[0] ?? []).map((_value, at) => medianOf(runs.map((run) => run[at] ?? 0)));
  console.log(`| ${[workers, ...columns.map(Math.round)].join(" | ")} |`);
}
origin.close();
rmSync(folder, { recursive: true });

async function measured(workers: number): Promise<readonly number[]> {
  const group = new MemoryGroup(`pagoda-bench-${process.pid}-${workers}`);
  const { port } = origin.address() as AddressInfo;
  const file = join(folder, "pagoda.yaml");
  // As the gateway on Kubernetes, whose main process needs an HTTP client. Nobody listens at that server.
  const kubernetes = { service: "shop", namespace: "default", port: "http" };
  const config = {
    listeners: [{ address: "127.0.0.1:0", routes: [{ name: "all", cluster: "origin" }] }],
    clusters: { origin: { endpoints: [`http://127.0.0.1:${port}`] }, shop: { kubernetes } },
    kubernetes: { server: "https://127.0.0.1:1", tokenFile: "token", ca: "ca.pem" },
    admin: { address: "127.0.0.1:19090" },
    workers,
    drain: { timeout: "1s" },
  };
  writeFileSync(file, JSON.stringify(config));
  // In a container, the first one on a node reads the executable from disk, which counts as its memory.
  execFileSync("dd", [`if=${executable}`, "iflag=nocache", "count=0", "status=none"]);
  const [program = "", ...args] = group.command(executable, "run", "-c", file);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const listening = await portOf(child.stdout);
    const started = group.workingSet;
    const probe = await probed(group, file);
    const load = await loaded(group, child.pid as number, listening);
    const stalling = await slow(group, listening);
    return [started, probe.peak, load.workingSet, load.anonymous, stalling, probe.cpuMs, load.cpuUs];
  } finally {
    child.kill("SIGTERM");
    await once(child, "close");
    group.remove();
  }
}

async function portOf(log: Readable): Promise<number> {
  for await (const line of createInterface({ input: log })) {
    const { msg, url } = JSON.parse(line) as { readonly msg: string; readonly url?: string };
    if (!msg.startsWith("listening on")) continue;
    log.resume();
    return Number(new URL(url ?? "").port);
  }
  throw new Error("the executable ended");
}

/** The readiness probe, which runs in the container. */
async function probed(
  group: MemoryGroup,
  file: string,
): Promise<{ readonly peak: number; readonly cpuMs: number }> {
  let peak = 0;
  const look = setInterval(() => (peak = Math.max(peak, group.workingSet)), 5);
  const timed = ["sh", "-c", `"$@"; times`, "sh", executable, "healthcheck", "-c", file];
  const [program = "", ...args] = group.command(...timed);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  clearInterval(look);
  // The last line is that of the shell's children.
  const times = (output.trim().split("\n").at(-1) ?? "").matchAll(/(\d+)m([\d.]+)s/g);
  let cpuMs = 0;
  for (const [, minutes, seconds] of times) cpuMs += Number(minutes) * 60_000 + Number(seconds) * 1_000;
  return { peak, cpuMs };
}

async function loaded(group: MemoryGroup, pid: number, port: number) {
  const request = { method: "GET", path: "/small", headers: {}, body: Buffer.alloc(0) } as const;
  const target = {
    host: "127.0.0.1",
    port,
    tls: false,
    protocol: "http1",
    request,
    responseBytes: 3,
  } as const;
  const generator = await Generator.open(target, concurrency, 1);
  const before = cpuTime(pid).totalNs;
  const { requests } = await generator.closed(loadMs);
  const cpuUs = (cpuTime(pid).totalNs - before) / 1_000 / requests;
  generator.close();
  return { workingSet: group.workingSet, anonymous: group.anonymous, cpuUs };
}

/** The most memory while clients do not read what they have asked for. */
async function slow(group: MemoryGroup, port: number): Promise<number> {
  const sockets: Socket[] = [];
  for (let at = 0; at < stalled; at++) {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    sockets.push(socket);
    await once(socket, "connect");
    socket.pause().write("GET /large HTTP/1.1\r\nhost: a\r\n\r\n");
  }
  let most = 0;
  // Until it has not grown for two seconds.
  for (let calm = 0; calm < 20; calm++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (group.workingSet > most) [most, calm] = [group.workingSet, 0];
  }
  for (const socket of sockets) socket.destroy();
  return most;
}
