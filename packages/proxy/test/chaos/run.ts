import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quietPort } from "../e2e/quiet-port.ts";
import { Chance } from "./chance.ts";
import { http1Client, http2Uploader, type Setting } from "./clients.ts";
import { configuration } from "./configuration.ts";
import { Ledger } from "./ledger.ts";
import { type Kind, Origin } from "./origins.ts";
import { type LogTo, Proxy } from "./proxy.ts";
import { type World, troubles, writeConfiguration } from "./troubles.ts";

export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly logTo: LogTo;
  /** Called with each fault as it is injected. */
  readonly tell?: (line: string) => void;
}

export interface Report {
  /** Number of calls by outcome. */
  readonly tally: Readonly<Record<string, number>>;
  /** Number of faults by kind. */
  readonly troubles: Readonly<Record<string, number>>;
  /** Number of ended workers, by logged reason: on a busy machine some count as hung. */
  readonly workerEnds: Readonly<Record<string, number>>;
  /** Violations. Empty if every call is accounted for and nothing leaked. */
  readonly faults: readonly string[];
}

/** Open files that a process may have gained: idle connections to origins. */
const spareFiles = 64;
/** MiB that a process may gain after warm-up. */
const spareMiB = 96;

/**
 * Milliseconds for which a client that is still sending is read after its response, plus a margin.
 */
const lingerMs = 40_000;
/** Milliseconds that a call may take at most: the proxy's timeouts are far shorter. */
const longestCallMs = 30_000;
/** Milliseconds between two looks at what is left. */
const lookEveryMs = 50;

/**
 * Runs the proxy between clients and origins in separate processes, breaks things at random for a
 * while, repairs them all, and compares what the three sides have seen.
 */
export async function run({ seed, seconds, logTo, tell = () => {} }: RunOptions): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-chaos-"));
  const chance = new Chance(seed);
  const ledger = new Ledger();
  const origins = await startOrigins(join(folder, "records"));
  const ports = { main: await quietPort(), admin: await quietPort() };
  const config = join(folder, "pagoda.yaml");
  writeConfiguration(config, configuration(origins, ports, 0));
  const proxy = new Proxy(config, logTo, join(folder, "log"));
  void proxy.exit.then(() => ledger.close());
  const world: World = { chance, ledger, origins, proxy, config, ports };
  const counts: Record<string, number> = {};
  const faults: string[] = [];
  try {
    await proxy.listening();
    const files = Math.max(...proxy.openFiles());
    let isOver = false;
    const clients = startClients({
      url: `http://127.0.0.1:${ports.main}`,
      ledger,
      chance,
      goesOn: () => !isOver,
    });
    watchDeaths(proxy, ledger);
    await ledger.after(500);
    const warmMiB = Math.max(...proxy.resident());
    await breakThings(world, performance.now() + seconds * 1_000, (name) => {
      tell(name);
      counts[name] = (counts[name] ?? 0) + 1;
    });
    await ledger.after(200);
    isOver = true;
    await settledWithin(longestCallMs, clients);
    if (proxy.exited === undefined) faults.push(...(await leftovers(proxy, ports.admin, files, warmMiB)));
    const ended = await proxy.end();
    if (ended !== "0") faults.push(`the proxy ended with ${ended}`);
    await proxy.readLog();
    faults.push(...proxy.crashes, ...ledger.faults(origins[0]?.records() ?? [], proxy.lines));
  } finally {
    proxy.kill("SIGKILL");
    await Promise.all(origins.map((origin) => origin.kill()));
    rmSync(folder, { recursive: true });
  }
  return { tally: ledger.tally(), troubles: counts, workerEnds: proxy.ends, faults };
}

async function startOrigins(records: string): Promise<readonly Origin[]> {
  const kinds: readonly Kind[] = ["http1", "http1", "http1", "http2", "http2"];
  const origins: Origin[] = [];
  for (const kind of kinds) {
    const origin = new Origin(kind, await quietPort(), records);
    await origin.start();
    origins.push(origin);
  }
  return origins;
}

function startClients(setting: Setting): readonly Promise<void>[] {
  return [
    ...Array.from({ length: 8 }, () => http1Client(setting)),
    ...Array.from({ length: 2 }, () => http2Uploader(setting, 4)),
  ];
}

/**
 * Records ended workers in the ledger, whatever ended them: on a busy machine one may count as
 * hung.
 */
function watchDeaths(proxy: Proxy, ledger: Ledger): void {
  let known = proxy.workers;
  let from = performance.now();
  ledger.onEnd(() => {
    if (proxy.exited !== undefined) return;
    const workers = proxy.workers;
    const to = performance.now();
    for (const pid of known) if (!workers.includes(pid)) ledger.deaths.push({ from, to });
    known = workers;
    from = to;
  });
}

/** All faults in random order, at least once, repeated until the time is over. */
async function breakThings(world: World, end: number, begins: (name: string) => void): Promise<void> {
  for (let round = 1; round === 1 || performance.now() < end; round++) {
    for (const name of world.chance.shuffled(Object.keys(troubles))) {
      if ((round > 1 && performance.now() >= end) || world.proxy.exited !== undefined) return;
      begins(name);
      await troubles[name]?.(world);
    }
  }
}

/** Continues when all calls have ended, or should have: the ledger shows which have not. */
async function settledWithin(ms: number, clients: readonly Promise<void>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("late")), ms);
  });
  await Promise.race([Promise.all(clients), late]).catch(() => {});
  clearTimeout(timer);
}

/** What the proxy still holds after its clients have left. */
async function leftovers(
  proxy: Proxy,
  admin: number,
  files: number,
  warmMiB: number,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of ["http_requests_in_flight", "connections_active"]) {
    const left = await lastOf(admin, name);
    if (left !== 0) found.push(`${name} is ${left} after all clients have gone`);
  }
  for (const open of proxy.openFiles()) {
    if (open > files + spareFiles)
      found.push(`a process has ${open} open files; they were ${files} at most before`);
  }
  for (const mib of proxy.resident()) {
    if (mib > warmMiB + spareMiB)
      found.push(`a process has ${Math.round(mib)} MiB; it was ${Math.round(warmMiB)} once warm`);
  }
  return found;
}

/**
 * The sum of a metric once it is 0, or its value after the longest time that a client's connection
 * may linger.
 */
async function lastOf(admin: number, name: string): Promise<number> {
  const end = performance.now() + lingerMs;
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    const values = text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    const sum = values.reduce((all, line) => all + Number(line.slice(line.lastIndexOf(" "))), 0);
    if (sum === 0 || performance.now() >= end) return sum;
    // oxlint-disable-next-line pagoda/no-sleep -- it waits for connections that linger, which need the processor, too
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
