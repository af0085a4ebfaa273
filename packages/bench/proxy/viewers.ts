// CPU time of the proxy with and without a viewer of its live page, in turns. With --write, the table goes into the README.
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cpuTime } from "./cpu.ts";
import { freePort, start } from "./program.ts";
import { writeInto } from "../table-in-readme.ts";
import { medianOf } from "./statistics.ts";

const workers = 2;
const phaseMs = 8_000;
const turns = 3;
/** Until a viewer has seen what is sent once, and the proxy's code is warm. */
const warmMs = 5_000;
const cases = [
  { clusters: 1, endpoints: 3, perSecond: 0 },
  { clusters: 1, endpoints: 3, perSecond: 200 },
  { clusters: 100, endpoints: 10, perSecond: 200 },
  { clusters: 1_000, endpoints: 10, perSecond: 200 },
] as const;

const program = fileURLToPath(new URL("../../proxy/src/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pagoda-viewers-"));
/** One for each endpoint of a cluster, on the addresses of the loopback network. */
const origins = Array.from({ length: 10 }, () => createServer((_request, response) => response.end("yes")));
let originPort = 0;
for (const [at, each] of origins.entries()) {
  each.listen(originPort, addressOf(at));
  await once(each, "listening");
  originPort = (each.address() as AddressInfo).port;
}

const lines = [
  "| clusters × endpoints | requests/s | without, % of a core | with a viewer | the viewer | sent, kB/s | samples/min |",
  "|---|---:|---:|---:|---:|---:|---:|",
];
for (const each of cases) {
  const { without, with: viewed, difference, bytes, samples } = await measured(each);
  const shares = [without, viewed, difference].map((share) => (share * 100).toFixed(2));
  const rest = [(bytes / 1_000).toFixed(1), samples.toFixed(0)];
  lines.push(
    `| ${each.clusters} × ${each.endpoints} | ${each.perSecond} | ${[...shares, ...rest].join(" | ")} |`,
  );
}
if (process.argv.includes("--write")) writeInto("viewers", lines.join("\n"));
else console.log(lines.join("\n"));
for (const each of origins) {
  each.close();
  each.closeAllConnections();
}
rmSync(folder, { recursive: true });

async function measured({ clusters, endpoints, perSecond }: (typeof cases)[number]) {
  const [port, admin] = [await freePort(), await freePort()];
  const config = join(folder, "pagoda.yaml");
  writeFileSync(config, JSON.stringify(configuration(clusters, endpoints, port, admin)));
  const running = await start({
    command: [process.execPath, program, "run", "-c", config],
    isReady: async () => {
      const { status } = await fetch(`http://127.0.0.1:${admin}/ready`);
      if (status !== 200) throw new Error(`status ${status}`);
    },
  });
  const stop = traffic(port, perSecond);
  try {
    await viewed(admin, warmMs);
    const rounds: { without: number; with: number; difference: number; bytes: number; samples: number }[] =
      [];
    for (let turn = 0; turn < turns; turn++) {
      const without = await shareIn(running.pid, () => delay(phaseMs));
      let seen = { bytes: 0, samples: 0 };
      const withViewer = await shareIn(running.pid, async () => (seen = await viewed(admin, phaseMs)));
      const seconds = phaseMs / 1_000;
      rounds.push({
        without,
        with: withViewer,
        difference: withViewer - without,
        bytes: seen.bytes / seconds,
        samples: (seen.samples * 60) / seconds,
      });
    }
    const middle = (of: (round: (typeof rounds)[number]) => number): number => medianOf(rounds.map(of));
    return {
      without: middle((round) => round.without),
      with: middle((round) => round.with),
      difference: middle((round) => round.difference),
      bytes: middle((round) => round.bytes),
      samples: middle((round) => round.samples),
    };
  } finally {
    stop();
    await running.stop();
  }
}

function configuration(clusters: number, endpoints: number, port: number, admin: number): object {
  const names = Array.from({ length: clusters }, (_, at) => `cluster-${at}`);
  return {
    workers,
    log: { level: "error" },
    admin: { address: `127.0.0.1:${admin}` },
    listeners: [
      {
        name: "web",
        address: `127.0.0.1:${port}`,
        routes: names.map((name) => ({ name, match: { path: { prefix: `/${name}` } }, cluster: name })),
      },
    ],
    clusters: Object.fromEntries(
      names.map((name) => [
        name,
        {
          endpoints: Array.from({ length: endpoints }, (_, at) => `http://${addressOf(at)}:${originPort}`),
          outliers: {},
        },
      ]),
    ),
  };
}

function addressOf(at: number): string {
  return `127.0.0.${at + 1}`;
}

/** Requests at fixed intervals, spread over ten clusters. @returns What ends them. */
function traffic(port: number, perSecond: number): () => void {
  if (perSecond === 0) return () => {};
  const agent = new Agent({ keepAlive: true });
  let sent = 0;
  const timer = setInterval(() => {
    const path = `/cluster-${sent++ % 10}/`;
    get({ host: "127.0.0.1", port, path, agent }, (response) => response.resume()).on("error", () => {});
  }, 1_000 / perSecond);
  return () => {
    clearInterval(timer);
    agent.destroy();
  };
}

/** The share of a core that a proxy took meanwhile, with all its processes. */
async function shareIn(pid: number, meanwhile: () => Promise<unknown>): Promise<number> {
  const before = cpuTime(pid).totalNs;
  const begun = performance.now();
  await meanwhile();
  return (cpuTime(pid).totalNs - before) / 1_000_000 / (performance.now() - begun);
}

/** Reads `/live` for a time, as the page does. */
async function viewed(admin: number, ms: number) {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), ms);
  let [bytes, samples] = [0, 0];
  try {
    const response = await fetch(`http://127.0.0.1:${admin}/live`, { signal: ended.signal });
    if (response.body === null) throw new Error(`/live answered ${response.status}`);
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      bytes += chunk.length;
      samples += chunk.split("event: figures").length - 1;
    }
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  return { bytes, samples };
}
